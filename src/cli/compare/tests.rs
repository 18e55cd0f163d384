//! The command line of `compare`, and the whole table.

use amt_provision_fsm::time::Millis;
use clap::Parser;
use serde_json::Value;

use super::*;
use crate::cli::demo::{DeviceOutcome, PlannedDevice, PlannedGoal};
use crate::cli::output::{Form, Output};
use crate::simulator::switches::Slow;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: CompareArgs,
}

#[test]
fn rows_are_chosen_by_name_and_an_unknown_one_lists_them() {
    let read = |text: &str| Line::try_parse_from(std::iter::once("compare").chain(text.split_whitespace()));
    let Line { args } = read("--row Aclose3 --row B").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(args.rows.iter().map(|row| row.name).collect::<Vec<_>>(), ["Aclose3", "B"]);
    let error = read("--row Aclose").err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("`Aclose`") && error.contains("Blmeclose2"), "{error}");
}

/// The row whose every answer takes 2.5 s would take minutes; late answers have rows of their own.
fn in_good_time(row: &Row) -> PlannedDevice {
    let mut planned = row.planned();
    for slow in &mut planned.switches.slow {
        if let Slow::Every(time) = slow {
            *time = Millis(250);
        }
    }
    planned
}

#[test]
fn every_device_of_the_table_comes_to_its_goal_and_none_loses_a_password() {
    let compared = smol::block_on(compare(&Row::ALL, in_good_time)).unwrap();
    let mut to = anstream::StripStream::new(Vec::new());
    Table::new(&mut Output::new(Form::People, &mut to)).print(&compared).unwrap();
    println!("{}", String::from_utf8(to.into_inner()).unwrap());
    for Compared { row, ours } in &compared {
        let Some(ours) = ours else {
            assert_eq!(row.host, Host::Lme, "{}", row.name);
            continue;
        };
        // A result without a failure was held against the device: mode, key, TLS and passwords.
        assert_eq!(ours.failure, None, "{}", row.name);
        let goal = match row.planned().goal {
            PlannedGoal::Ccm => DeviceOutcome::Ccm,
            PlannedGoal::Acm => DeviceOutcome::Acm,
        };
        assert_eq!(ours.outcome, goal, "{}", row.name);
        assert!(ours.elapsed_ms < row.existing.took || row.existing.verdict != Verdict::Success, "{}", row.name);
    }
    let of = |name: &str| compared.iter().find(|it| it.row.name == name).and_then(|it| it.ours.clone()).unwrap();
    assert!(of("Aslowkey10").elapsed_ms >= Millis(10_100), "the delay is real");
    assert!(of("Aclose3").tls_sessions >= of("Aclose3").requests, "and so are the connections");

    let mut to = anstream::StripStream::new(Vec::new());
    Table::new(&mut Output::new(Form::Json, &mut to)).print(&compared).unwrap();
    let text = String::from_utf8(to.into_inner()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), Row::ALL.len());
    let line = lines.iter().find(|line| line["row"] == "Aodca").unwrap();
    assert_eq!((&line["existing"]["outcome"], &line["ours"]["outcome"]), (&"false-success".into(), &"acm".into()));
    assert_eq!(line["existing"]["seconds"], 75.3);
    assert_eq!(lines.iter().filter(|line| line["ours"].is_null()).count(), 7, "those without LMS");
}
