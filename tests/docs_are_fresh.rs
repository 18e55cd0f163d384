//! Pictures in the documentation are drawn from the code, and fail here when they are stale.

use amt_provision_fsm::edges::{edges, mermaid};

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `UPDATE_DOCS=1 cargo test --test docs_are_fresh` writes the picture anew.
#[test]
fn the_diagram_is_the_edge_list() {
    let block = format!("```mermaid\n{}```\n", mermaid());
    for path in ["README.md"] {
        let text = read(path);
        if text.contains(&block) {
            continue;
        }
        let begin = text.find("```mermaid\n").unwrap_or_else(|| panic!("{path} has no diagram"));
        let length = text[begin + 3..].find("```\n").unwrap_or_else(|| panic!("{path}: the diagram has no end")) + 7;
        let fresh = format!("{}{block}{}", &text[..begin], &text[begin + length..]);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")), fresh).expect("the checkout is writable");
        } else {
            panic!("the diagram in {path} is stale: UPDATE_DOCS=1 cargo test --test docs_are_fresh");
        }
    }
}

#[test]
fn the_number_of_edges_is_the_one_that_is_told() {
    let told = format!("{} edges", edges().count());
    assert!(read("ARCHITECTURE.md").contains(&told), "ARCHITECTURE.md does not say `{told}`");
}
