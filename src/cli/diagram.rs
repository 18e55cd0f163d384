//! `diagram`: the protocol's edges.

use amt_provision_fsm::edges::{edges, mermaid};
use serde_json::json;

use super::error::CliError;
use super::output::{Form, Output};

pub(super) fn run(out: &mut Output<'_>) -> Result<(), CliError> {
    match out.form() {
        Form::People => out.text().write_all(mermaid().as_bytes())?,
        Form::Json => {
            for edge in edges() {
                let [from, to] = [edge.from, edge.to]
                    .map(|place| json!({ "stage": place.stage.to_string(), "channel": place.channel.to_string() }));
                out.json(&json!({ "from": from, "on": format!("{:?}", edge.on), "to": to }))?;
            }
        }
    }
    Ok(())
}
