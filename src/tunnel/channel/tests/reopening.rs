//! A channel that outlives its connections, and when it must not.

use std::iter;

use amt_provision_fsm::identity::{RomCaHash, SpkiHash};
use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Peer, Voucher};
use amt_provision_fsm::request::DigestRealm;
use proptest::prelude::*;

use super::device::{Closes, REALM_BYTES};
use super::tls::{AUTHORITY, Secured, channel, pinned, up};
use super::*;
use crate::simulator::identity::ChainShape;
use crate::tunnel::channel::reopening::SamePeer;
use crate::tunnel::channel::settings::TlsOptions;
use crate::tunnel::tls::TlsVersion;

const SETUP: Request = Request::Setup { password: PasswordId(2), realm: DigestRealm(REALM_BYTES) };

/// What became of `request` over TLS, each end of a connection met by a new one to the same device.
fn ask_secured(channel: &mut Channel, mut secured: Secured, request: Request) -> (Vec<Event>, Secured) {
    channel.ask(ID, ADMIN, request, &Passwords::new()).unwrap();
    let mut others = Vec::new();
    loop {
        secured.converse(channel, iter::empty());
        match channel.poll_event() {
            Some(Event::Reopen) => {
                secured = Secured { device: secured.device, ..Secured::new() };
                secured.device.reconnect();
                channel.reopened(now());
            }
            Some(other) => others.push(other),
            None => return (others, secured),
        }
    }
}

/// A channel whose device has ended the connection behind the first reply.
fn resting(expectation: Expectation) -> (Channel, Secured) {
    let (mut channel, mut secured) = (channel(expectation), Secured::new());
    secured.converse(&mut channel, iter::empty());
    assert!(matches!(events(&mut channel)[..], [Event::TlsUp(_)]));
    secured.tls.send_close_notify();
    channel.feed(&secured.flush(), now());
    assert!(channel.poll_event().is_none() && channel.is_idle());
    (channel, secured)
}

#[test]
fn a_list_comes_to_its_end_over_a_device_that_closes_after_each_reply() {
    let (mut channel, mut secured) = up();
    secured.device.closes = Closes::WithEveryReply;
    secured.device.keys = vec![vec![0; 1]; 3];
    let (events, secured) = ask_secured(&mut channel, secured, Request::ReadKeyPairs);
    let [handshakes @ .., Event::Reply(ID, Reply::KeyPairs(_))] = &events[..] else { panic!("{events:?}") };
    assert!(handshakes.iter().all(|event| matches!(event, Event::Reopened)));
    // A challenge, the list's beginning and three pages, of which the last ends with its connection.
    assert_eq!((handshakes.len(), secured.device.connections), (4, 5));
    assert_eq!(secured.device.challenges(), 1);
}

#[test]
fn a_new_connection_that_shows_another_key_is_a_loss_and_gets_nothing() {
    let any_odca = Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() };
    for expectation in [pinned(), any_odca] {
        let (mut channel, _) = resting(expectation);
        channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
        assert!(matches!(events(&mut channel)[..], [Event::Reopen]));
        let mut stranger = Secured::showing(&AUTHORITY.device(&ChainShape::default()).unwrap());
        channel.reopened(now());
        stranger.converse(&mut channel, iter::empty());
        let events = events(&mut channel);
        assert!(matches!(events[..], [Event::Lost(Lost::Peer(PeerFault::Tls(_)))]), "{events:?}");
        assert!(stranger.device.received.is_empty());
    }
}

#[test]
fn the_same_die_with_another_key_is_another_peer() {
    let peer = |key, voucher| Peer { spki: SpkiHash::from_bytes([key; 32]), voucher };
    let die = Voucher::Odca(RomCaHash::from_bytes([9; 32]));
    let tls = TlsOptions { expectation: Expectation::default(), trust: Arc::default(), max_version: TlsVersion::V1_3 };
    let mut same = SamePeer::NotSeen(tls);
    assert!(same.check(peer(1, die)).is_err(), "before anything was seen");
    same.seen(peer(1, die));
    assert_eq!(same.check(peer(1, die)), Ok(()));
    assert_eq!(same.check(peer(2, die)), Err(PeerFault::AnotherKey { shown: SpkiHash::from_bytes([2; 32]) }));
    assert!(same.check(peer(1, Voucher::Nobody)).is_err());
    same.seen(peer(2, die));
    assert!(same.check(peer(2, die)).is_err(), "the first one counts");
}

#[test]
fn setup_that_was_challenged_is_sent_again_and_setup_without_a_reply_is_not() {
    let (mut channel, mut secured) = up();
    secured.device.closes = Closes::WithEveryReply;
    let (events_so_far, mut secured) = ask_secured(&mut channel, secured, SETUP);
    assert!(matches!(events_so_far[..], [Event::Reopened, Event::Reply(ID, Reply::Done)]), "{events_so_far:?}");
    assert_eq!(secured.device.names(), ["IPS_HostBasedSetupService.Setup"]);

    secured.device.closes = Closes::Never;
    let (_, mut secured) = ask_secured(&mut channel, secured, Request::ReadUuid);
    channel.ask(ID, ADMIN, SETUP, &Passwords::new()).unwrap();
    let _reply_that_got_lost = secured.answer(&mut channel);
    let mut instead = Secured { device: secured.device, ..Secured::new() };
    assert_eq!(instead.device.names().iter().filter(|name| name.ends_with("Setup")).count(), 2, "applied");
    channel.end_of_stream(now());
    let events = events(&mut channel);
    assert!(matches!(events[..], [Event::Lost(Lost::Link(LinkFault::Cut))]), "{events:?}");
    channel.reopened(now());
    instead.converse(&mut channel, iter::empty());
    assert!(channel.poll_event().is_none(), "what is lost stays lost");
}

#[test]
fn a_handshake_that_breaks_off_in_between_is_a_loss() {
    let (mut channel, _) = resting(pinned());
    channel.ask(ID, ADMIN, SETUP, &Passwords::new()).unwrap();
    assert_eq!(channel.ask(ID, ADMIN, SETUP, &Passwords::new()), Err(AskError::Busy));
    channel.reopened(now());
    channel.end_of_stream(now());
    let events = events(&mut channel);
    assert!(matches!(events[..], [Event::Reopen, Event::Lost(Lost::Link(LinkFault::Cut))]), "{events:?}");
}

#[test]
fn bytes_behind_an_announced_end_count_for_nothing() {
    let mut device = Device::new();
    device.closes = Closes::WithEveryReply;
    let mut channel = plain();
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    channel.feed(b"HTTP/1.1 200 OK\r\n\r\n", now());
    channel.end_of_stream(now());
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
}

#[test]
fn a_run_opens_connections_again_up_to_its_limit_however_many_channels_it_has() {
    let mut device = Device::new();
    device.closes = Closes::WithEveryReply;
    let mut channel = plain();
    let mut replies = 0;
    loop {
        match &ask(&mut channel, &mut device, Request::ReadUuid)[..] {
            [Event::Reply(..)] => replies += 1,
            [Event::Lost(Lost::Peer(PeerFault::EndsTooOften))] => break,
            other => panic!("{other:?}"),
        }
        if replies == 100 {
            device.reconnect();
            channel = Channel::plain(settings(), channel.into_remembered(), Carriage::Kept);
        }
    }
    assert_eq!(device.connections, MAX_REOPENINGS + 2, "the first of both channels, and those in between");
}

proptest! {
    #[test]
    fn how_a_device_ends_its_connections_does_not_change_what_it_says(ends in prop::collection::vec(0..3_u8, 1..20)) {
        let requests = [Request::ReadGeneralSettings, Request::ReadKeyPairs, Request::ReadTlsSettings, SETUP,
            Request::SynchronizeClock, Request::ReadControlMode, Request::AddChainCertificate { index: 0 }];
        let run = |ends: &[Closes]| {
            let (mut device, mut channel) = (Device::new(), plain());
            let mut ends = ends.iter().cycle();
            let replies: Vec<_> = requests.clone().map(|request| {
                device.closes = *ends.next().unwrap();
                reply(&mut channel, &mut device, request)
            }).into();
            (replies, device.names())
        };
        let ends: Vec<_> = ends.iter().map(|n| match n {
            0 => Closes::Never,
            1 => Closes::WithChallenges,
            _ => Closes::WithEveryReply,
        }).collect();
        prop_assert_eq!(run(&ends), run(&[Closes::Never]));
    }
}
