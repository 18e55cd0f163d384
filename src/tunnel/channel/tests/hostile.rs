//! Peers and lines that do what they like.

use proptest::prelude::*;

use super::device::{Closes, Instead, http};
use super::*;
use crate::http::HttpError;

const UUID_CALL: &str = "AMT_SetupAndConfigurationService.GetUuid";

/// A channel that is logged in, and its device.
fn logged_in() -> (Channel, Device) {
    let mut device = Device::new();
    let mut channel = plain();
    reply(&mut channel, &mut device, Request::ReadUuid);
    (channel, device)
}

/// A channel that waits for a reply, and the reply.
fn awaiting_reply() -> (Channel, Vec<u8>) {
    let (mut channel, mut device) = logged_in();
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    let reply = device.take(&channel.take_output());
    (channel, reply)
}

fn lost(channel: &mut Channel) -> Lost {
    match <[Event; 1]>::try_from(events(channel)) {
        Ok([Event::Lost(lost)]) => lost,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_cut_off_anywhere_is_a_loss_and_never_a_reply() {
    let (_, whole) = awaiting_reply();
    for length in 0..whole.len() {
        let (mut channel, reply) = awaiting_reply();
        channel.feed(&reply[..length], now());
        assert!(channel.poll_event().is_none());
        channel.end_of_stream(now());
        match lost(&mut channel) {
            Lost::InsteadOfReply => assert_eq!(length, 0),
            Lost::Peer(PeerFault::Http(HttpError::Truncated { .. })) => assert!(length > 0),
            other => panic!("{other:?}"),
        }
        channel.end_of_stream(now());
        assert!(channel.poll_event().is_none(), "lost once");
    }
}

#[test]
fn an_endless_reply_is_given_up_at_the_limit() {
    let (mut channel, _) = awaiting_reply();
    channel.feed(b"HTTP/1.1 200 OK\r\n\r\n", now());
    let mut fed = 0;
    while channel.poll_event().is_none() {
        channel.feed(&[b' '; 4096], now());
        fed += 4096;
        assert!(fed <= 260 * 1024);
    }
    assert!(fed > 256 * 1024);
}

/// Found with a device whose replies never end: it was asked as often as a run may open connections.
#[test]
fn g8_an_answer_that_nobody_can_read_is_a_refusal_and_ends_the_connection() {
    for bytes in
        [&[b'x'; 9000][..], b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"]
    {
        let (mut channel, _) = awaiting_reply();
        channel.feed(bytes, now());
        let events = events(&mut channel);
        let unintelligible = Reply::Refused(Refusal::Unintelligible);
        assert!(
            matches!(&events[..], [Event::Reply(ID, reply), Event::Lost(Lost::Peer(PeerFault::Http(_)))]
                if *reply == unintelligible),
            "{events:?}"
        );
        assert!(matches!(channel.explanation(), Some(Explanation::NoHttp(_))));
    }
}

#[test]
fn an_endless_list_and_endless_challenges_are_given_up() {
    let (mut channel, mut device) = logged_in();
    device.keys = vec![vec![0; 1]; 2000];
    assert_eq!(refusal(&mut channel, &mut device, Request::ReadKeyPairs), Refusal::Unintelligible);
    device.users.clear();
    assert_eq!(refusal(&mut channel, &mut device, Request::ReadUuid), Refusal::Unauthorized);
}

#[test]
fn a_reply_to_another_message_is_no_answer_and_ends_the_connection() {
    let (_, earlier) = awaiting_reply();
    let (mut channel, mut device) = logged_in();
    device.instead = Some((UUID_CALL, Instead::Bytes(http(200, ""))));
    refusal(&mut channel, &mut device, Request::ReadUuid);
    device.instead = Some((UUID_CALL, Instead::Bytes(earlier)));
    let events = ask(&mut channel, &mut device, Request::ReadUuid);
    let unintelligible = Reply::Refused(Refusal::Unintelligible);
    assert!(
        matches!(&events[..], [Event::Reply(ID, reply), Event::Lost(Lost::Peer(PeerFault::Unrelated { .. }))]
            if *reply == unintelligible),
        "{events:?}"
    );
}

#[test]
fn what_nobody_asked_for_ends_the_connection() {
    let (mut channel, _) = logged_in();
    channel.feed(b"H", now());
    assert_eq!(lost(&mut channel), Lost::Peer(PeerFault::Unasked));

    let (mut channel, mut reply) = awaiting_reply();
    reply.extend_from_within(..);
    channel.feed(&reply, now());
    let events = events(&mut channel);
    assert!(
        matches!(events[..], [Event::Reply(ID, Reply::Uuid(_)), Event::Lost(Lost::Peer(PeerFault::Unasked))]),
        "{events:?}"
    );
}

#[test]
fn an_answer_that_came_before_its_call_is_not_taken() {
    let (mut channel, mut device) = logged_in();
    channel.ask(ID, ADMIN, Request::ReadKeyPairs, &Passwords::new()).unwrap();
    let mut early = device.take(&channel.take_output());
    early.extend(http(200, "the first page, before it was asked for"));
    channel.feed(&early, now());
    assert_eq!(lost(&mut channel), Lost::Peer(PeerFault::Unasked));
    assert!(channel.take_output().is_empty());
}

#[test]
fn the_end_of_an_idle_connection_is_nobodys_fault() {
    let (mut channel, mut device) = logged_in();
    channel.end_of_stream(now());
    assert!(channel.poll_event().is_none() && channel.is_idle());
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    assert_eq!(device.connections, 2);
}

#[test]
fn a_reply_that_ends_with_the_connection_is_a_reply() {
    use crate::http::{Connection, DeviceResponse, Framing};
    let (mut channel, mut device) = logged_in();
    let body = b"<html>Service Unavailable</html>".to_vec();
    let (framing, connection) = (Framing::UntilClose, Connection::KeepAlive);
    let page = DeviceResponse { status: 503, fields: Vec::new(), body, framing, connection };
    device.instead = Some((UUID_CALL, Instead::Bytes(page.to_bytes())));
    assert!(ask(&mut channel, &mut device, Request::ReadUuid).is_empty());
    channel.end_of_stream(now());
    let events = events(&mut channel);
    let unavailable = Reply::Refused(Refusal::Fault(503));
    assert!(matches!(&events[..], [Event::Reply(ID, reply)] if *reply == unavailable), "{events:?}");
}

proptest! {
    #[test]
    fn how_replies_are_cut_does_not_matter(cuts in proptest::collection::vec(1..200_usize, 1..50)) {
        let mut device = Device::new();
        device.page = 2;
        device.keys = vec![vec![0; 1]; 3];
        let mut channel = plain();
        for request in [Request::ReadKeyPairs, Request::ReadTlsSettings, Request::SynchronizeClock] {
            channel.ask(ID, ADMIN, request, &Passwords::new()).unwrap();
            device.converse_in_pieces(&mut channel, cuts.iter().copied().cycle());
            let replied = matches!(events(&mut channel)[..], [Event::Reply(ID, Reply::KeyPairs(_) | Reply::TlsSettings(_) | Reply::Done)]);
            prop_assert!(replied);
        }
        prop_assert_eq!(device.challenges(), 1);
    }

    #[test]
    fn no_bytes_panic_and_every_request_ends(bytes: Vec<u8>, head in "(HTTP/1\\.[01] [0-9]{3} [a-z]{0,3}\r\n)?") {
        let (mut channel, _) = awaiting_reply();
        channel.feed(head.as_bytes(), now());
        channel.feed(&bytes, now());
        channel.end_of_stream(now());
        let events = events(&mut channel);
        let ends = events.iter().filter(|event| matches!(event, Event::Lost(_) | Event::Reopen)).count();
        prop_assert!(ends == 1 || (ends == 0 && matches!(events[..], [Event::Reply(..)])), "{:?}", events);
    }

    #[test]
    fn a_reply_with_one_wrong_byte_never_panics(at: prop::sample::Index, byte: u8, closes: bool) {
        let (mut channel, mut device) = logged_in();
        device.closes = if closes { Closes::WithEveryReply } else { Closes::Never };
        channel.ask(ID, ADMIN, Request::ReadTlsSettings, &Passwords::new()).unwrap();
        let mut reply = device.take(&channel.take_output());
        let at = at.index(reply.len());
        reply[at] = byte;
        channel.feed(&reply, now());
        channel.end_of_stream(now());
        prop_assert!(matches!(events(&mut channel).last(), Some(Event::Lost(_) | Event::Reopen | Event::Reply(..))));
    }
}
