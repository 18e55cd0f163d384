//! What each place of the protocol makes of each input, as a table for people: `docs/matrix.md`. It is read off the
//! shipped machine; `UPDATE_DOCS=1 cargo test --test matrix` writes it anew.

use std::collections::BTreeMap;

use amt_provision_fsm::edges::{Place, edges};
use amt_provision_fsm::identity::{SpkiHash, Uuid};
use amt_provision_fsm::peer::{Peer, Voucher};
use amt_provision_fsm::policy::Order;
use amt_provision_fsm::provisioner::{ChannelId, Input, Output, Provisioner, StoreFault};
use amt_provision_fsm::request::{Refusal, Reply, RequestId};
use amt_provision_fsm::sim::{Bench, Persona, daring};
use amt_provision_fsm::stage::{OpenFault, TlsFault};
use amt_provision_fsm::time::Instant;

/// A column: its head, and what it does to a run.
type Column = (&'static str, fn(&mut Provisioner, &Bench));

const COLUMNS: [Column; 13] = [
    ("report", |run, bench| give(run, Input::Report(bench.device.report()))),
    ("opened", |run, _| with_channel(run, Input::Opened)),
    ("open failed", |run, _| with_channel(run, |id| Input::OpenFailed(id, OpenFault::Refused))),
    ("expected key", |run, bench| {
        let peer = bench.device.shows();
        with_channel(run, |id| Input::TlsUp(id, peer));
    }),
    ("strange key", |run, _| with_channel(run, |id| Input::TlsFailed(id, TlsFault::Stranger(None)))),
    ("key of nobody", |run, _| {
        let peer = Peer { spki: SpkiHash::from_bytes([0xee; 32]), voucher: Voucher::Nobody };
        with_channel(run, |id| Input::TlsUp(id, peer));
    }),
    ("refusal", |run, _| {
        for id in 0..=u32::from(u8::MAX) {
            let (place, waits) = (run.place(), run.poll_timeout());
            give(run, Input::Reply(RequestId(id), Reply::Refused(Refusal::Fault(500))));
            if (place, waits) != (run.place(), run.poll_timeout()) {
                return;
            }
        }
    }),
    ("channel lost", |run, _| with_channel(run, Input::ChannelLost)),
    ("stale loss", |run, _| give(run, Input::ChannelLost(ChannelId(9999)))),
    ("line lost", |run, _| give(run, Input::LineLost)),
    ("stored", |run, _| give(run, Input::Persisted(run.ledger().generation().next()))),
    ("lease lost", |run, _| {
        give(run, Input::PersistFailed(run.ledger().generation().next(), StoreFault::LeaseLost));
    }),
    ("deadline", |run, _| {
        if let Some((at, _)) = run.poll_timeout() {
            run.handle_timeout(at);
        }
    }),
];

fn give(run: &mut Provisioner, input: Input) {
    run.handle(Instant::ZERO, input);
}

fn with_channel(run: &mut Provisioner, input: impl Fn(ChannelId) -> Input) {
    if let Some(id) = run.channel() {
        give(run, input(id));
    }
}

/// What came of it: the new place, and what the run wants done.
fn cell(before: Place, run: &mut Provisioner) -> String {
    let mut marks = Vec::new();
    while let Some(output) = run.poll_output() {
        marks.push(match output {
            Output::Open(..) => "o",
            Output::StartTls(..) => "t",
            Output::Request { .. } => "a",
            Output::Close(_) => "c",
            Output::Persist(..) => "s",
            Output::Issue(_) => "i",
            Output::Moved(_) | Output::Done(_) => continue,
        });
    }
    let to = (run.place() != before).then(|| format!("→ {}", run.place()).replace('<', "‹").replace('>', "›"));
    let cell: Vec<String> = to.into_iter().chain((!marks.is_empty()).then(|| marks.concat())).collect();
    if cell.is_empty() { "·".into() } else { cell.join(" ") }
}

/// A place, and what the run waits for there: to be read in the order of the protocol.
type Row = (Place, &'static str);

fn waits_for(bench: &Bench) -> &'static str {
    match bench.waits_for() {
        None => "nothing",
        Some(wake) => match format!("{wake:?}").as_str() {
            "Reply" => "a reply",
            "Store" => "the store",
            "Open" => "the port",
            "Handshake" => "a handshake",
            "Certificate" => "a certificate",
            "Retry" => "the next try",
            "Report" => "a report",
            _ => "something else",
        },
    }
}

fn rows() -> BTreeMap<Row, Vec<String>> {
    let profile = daring();
    let uuid = Uuid::from_bytes(*b"amt-model-device").expect("no placeholder");
    let mut rows = BTreeMap::new();
    for persona in Persona::ALL {
        let mut bench = Bench::new(persona, profile.clone(), Order::Provision, uuid);
        for order in [Order::Rotate, Order::Deactivate] {
            loop {
                if let (Some(place), Some(run)) = (bench.place(), &bench.server.run) {
                    rows.entry((place, waits_for(&bench))).or_insert_with(|| {
                        let column = |(_, act): &Column| {
                            let mut run = run.clone();
                            act(&mut run, &bench);
                            cell(place, &mut run)
                        };
                        COLUMNS.iter().map(column).collect()
                    });
                }
                let Some(action) = bench.next().next() else { break };
                bench.act(action);
            }
            bench.order(order);
        }
    }
    rows
}

fn document() -> String {
    let mut text = String::from(
        "# What each place makes of each input\n\nRead off the shipped machine: a device of every persona is \
         provisioned, rotated and taken out of service, and wherever the run waits\nit is given each input. \
         `cargo test --test matrix` fails when this is stale.\n\n`·` nothing; `→` a new place; `o` opens a port, `t` \
         begins TLS, `a` asks the device, `s` stores, `i` has a certificate issued, `c` closes the channel.\n\n",
    );
    text += &format!("| place | waits for | {} |\n", COLUMNS.map(|(head, _)| head).join(" | "));
    text += &format!("|---|---{}|\n", "|---".repeat(COLUMNS.len()));
    for ((place, waits), cells) in rows() {
        let place = place.to_string().replace('<', "‹").replace('>', "›");
        text += &format!("| {place} | {waits} | {} |\n", cells.join(" | "));
    }
    text
}

#[test]
fn the_matrix_of_places_and_inputs_is_the_machines() {
    let path = format!("{}/../docs/matrix.md", env!("CARGO_MANIFEST_DIR"));
    let fresh = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &fresh).expect("the checkout is writable");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let differ = stored.lines().zip(fresh.lines()).find(|(stored, fresh)| stored != fresh);
    assert!(stored == fresh, "{path} is stale, UPDATE_DOCS=1 writes it anew; the first line that differs: {differ:#?}");
}

#[test]
fn the_matrix_has_every_place_that_a_run_can_be_at() {
    let rows = rows();
    for edge in edges() {
        let probe_and_quarantine = ["Probe", "Quarantined", "Failed"];
        if !probe_and_quarantine.contains(&edge.from.to_string().as_str()) {
            assert!(rows.keys().any(|(place, _)| *place == edge.from), "{} is not in the matrix", edge.from);
        }
    }
}
