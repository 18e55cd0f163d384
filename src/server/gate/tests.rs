//! How many are let in, and what is said to the others.

use std::num::{NonZeroU32, NonZeroUsize};

use super::*;
use crate::limits::PerMinute;

fn gate(change: impl FnOnce(&mut Limits)) -> Arc<Gate> {
    let mut limits = Limits::default();
    change(&mut limits);
    Arc::new(Gate::new(limits))
}

fn count(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn rate(count: u32) -> PerMinute {
    PerMinute(NonZeroU32::new(count).unwrap())
}

fn enter(gate: &Arc<Gate>, address: &str) -> Result<Pass, Refusal> {
    gate.enter(address.parse().unwrap())
}

#[test]
fn g10_as_many_connections_are_let_in_as_may_be_and_one_more_when_one_has_left() {
    let gate = gate(|limits| limits.connections = count(2));
    let (first, _second) = (enter(&gate, "127.0.0.1").unwrap(), enter(&gate, "10.0.0.1").unwrap());
    assert_eq!(enter(&gate, "10.0.0.2").err(), Some(Refusal::Full));
    drop(first);
    let third = enter(&gate, "10.0.0.2");
    assert!(third.is_ok());
    assert_eq!(gate.tally(), Tally { served: 3, turned_away: 1, ..Tally::default() });
}

#[test]
fn g10_an_address_has_its_own_number_of_connections_and_others_are_not_held_to_it() {
    let gate = gate(|limits| limits.address_connections = count(1));
    let first = enter(&gate, "2001:db8::1").unwrap();
    assert_eq!(enter(&gate, "2001:db8::2").err(), Some(Refusal::AddressFull));
    assert!(enter(&gate, "2001:db8:0:1::1").is_ok());
    let local = [enter(&gate, "127.0.0.1"), enter(&gate, "127.0.0.1")];
    assert!(local.iter().all(Result::is_ok));
    drop(first);
    assert!(enter(&gate, "2001:db8::2").is_ok());
    assert!(gate.counts().of_address.is_empty(), "nothing is kept of who is gone");
}

#[test]
fn an_address_that_comes_too_often_is_told_when_to_come_back() {
    let gate = gate(|limits| limits.address_rate = rate(2));
    let came = [(); 2].map(|()| enter(&gate, "10.0.0.1").is_ok());
    assert_eq!(came, [true; 2]);
    let refusal = enter(&gate, "10.0.0.1").err().unwrap();
    assert!(matches!(refusal, Refusal::AddressTooOften(_)));
    assert!(refusal.response().starts_with("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n"), "{refusal:?}");
}

#[test]
fn a_pause_is_told_in_whole_seconds_and_never_too_short() {
    for (milliseconds, seconds) in [(30_000, 30), (30_001, 31), (29_999, 30), (1, 1)] {
        let response = Refusal::AddressTooOften(Duration::from_millis(milliseconds)).response();
        assert!(response.contains(&format!("\r\nRetry-After: {seconds}\r\n")), "{milliseconds} ms: {response}");
    }
}

#[test]
fn each_refusal_names_the_setting_that_it_is_about() {
    for (refusal, setting) in [
        (Refusal::Full, "`connections`"),
        (Refusal::AddressFull, "`address_connections`"),
        (Refusal::AddressTooOften(LATER), "`address_connections_per_minute`"),
    ] {
        let told = refusal.to_string();
        assert!(told.contains(setting) && told.contains("[server.limits]"), "{told}");
    }
}

#[test]
fn g10_as_many_are_told_that_they_are_turned_away_as_may_be_and_one_more_when_one_has_heard() {
    let gate = gate(|_| {});
    let mut told: Vec<Telling> = (0..TOLD).map(|_| gate.tell().unwrap()).collect();
    assert!(gate.tell().is_none());
    drop(told.pop());
    told.push(gate.tell().unwrap());
    assert!(gate.tell().is_none());
    drop(told);
    let again = (0..TOLD).map_while(|_| gate.tell()).collect::<Vec<_>>();
    assert_eq!(again.len(), TOLD);
}

#[test]
fn a_tally_speaks_of_the_unheard_where_there_are_any() {
    let gate = gate(|_| {});
    let pass = enter(&gate, "10.0.0.1").unwrap();
    gate.close();
    assert_eq!(gate.tally().to_string(), "1 served, 0 turned away, 1 ended early");
    pass.is_unheard();
    assert_eq!(
        gate.tally().to_string(),
        "1 served, 0 turned away, 1 ended early, 1 of them without the answer that they waited for"
    );
}

#[test]
fn a_device_that_is_brought_too_often_is_refused_there_and_not_where_another_brings_it() {
    let gate = gate(|limits| limits.device_rate = rate(2));
    let (one, other) = (enter(&gate, "10.0.0.1").unwrap(), enter(&gate, "10.0.0.2").unwrap());
    let device = |number: u8| Uuid::from_bytes([number; 16]).unwrap();
    let run = |pass: &Pass, number| pass.run(&Tenant::default(), device(number));
    assert_eq!([run(&one, 1), run(&one, 1)], [Ok(()); 2]);
    let refused = run(&one, 1).unwrap_err().to_string();
    assert!(refused.ends_with("come back in 30 s"), "{refused}");
    assert_eq!([run(&one, 2), run(&other, 1)], [Ok(()); 2]);
}

#[test]
fn a_flood_is_said_once_and_then_how_much_it_was() {
    let (mut unsaid, now) = (Unsaid::default(), Instant::now());
    assert_eq!([unsaid.say(now), unsaid.say(now), unsaid.say(now + QUIET / 2)], [Some(0), None, None]);
    assert_eq!([unsaid.say(now + QUIET), unsaid.say(now + QUIET)], [Some(2), None]);
}

#[test]
fn everybody_has_left_when_the_last_one_has_and_nobody_else_comes() {
    let gate = gate(|_| {});
    let pass = enter(&gate, "10.0.0.1").unwrap();
    gate.close();
    assert_eq!(enter(&gate, "10.0.0.1").err(), Some(Refusal::Full));
    assert_eq!(gate.tally().stopped, 1);
    smol::block_on(async {
        let mut left = std::pin::pin!(gate.everybody_left());
        assert!(smol::future::poll_once(&mut left).await.is_none());
        drop(pass);
        left.await;
    });
}
