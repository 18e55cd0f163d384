//! Logging in: challenges inside, accounts that change, and what the next connection knows.

use amt_provision_fsm::request::FirmwareNonce;

use super::device::{Closes, Instead, NONCE, http};
use super::*;

/// The channel of the next connection to the same device.
fn next(channel: Channel, device: &mut Device) -> Channel {
    device.reconnect();
    Channel::plain(settings(), channel.into_remembered(), Carriage::Kept)
}

#[test]
fn the_first_challenge_is_answered_inside_and_then_no_more_are_needed() {
    let mut device = Device::new();
    let mut channel = plain();
    for _ in 0..3 {
        assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    }
    assert_eq!((device.challenges(), device.calls.len()), (1, 3));
}

#[test]
fn a_nonce_that_the_device_forgot_is_replaced_inside() {
    let mut device = Device::new();
    let mut channel = plain();
    reply(&mut channel, &mut device, Request::ReadUuid);
    device.forget_nonces();
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    assert_eq!(device.challenges(), 2);
}

#[test]
fn a_wrong_password_is_given_up_before_the_account_is_locked() {
    let mut device = Device::new();
    device.users = vec![("admin", "another one")];
    let mut channel = plain();
    assert_eq!(refusal(&mut channel, &mut device, Request::ReadUuid), Refusal::Unauthorized);
    assert_eq!(device.challenges(), 3, "one without an answer and two to answers");
    assert!(matches!(channel.explanation(), Some(Explanation::Login(_))));
    device.users = vec![("admin", "P@ssw0rd2")];
    let newer = Login::Admin(PasswordId(2));
    let events = ask_as(newer, &mut channel, &mut device, Request::ReadUuid);
    assert!(matches!(events[..], [Event::Reply(ID, Reply::Uuid(_))]), "the next password is tried: {events:?}");
}

#[test]
fn another_account_goes_on_with_the_same_challenge() {
    let mut device = Device::new();
    let mut channel = plain();
    ask_as(Login::LocalSystem, &mut channel, &mut device, Request::ReadUuid);
    reply(&mut channel, &mut device, Request::ReadUuid);
    device.users = vec![("admin", "P@ssw0rd2")];
    let newer = Login::Admin(PasswordId(2));
    let events = ask_as(newer, &mut channel, &mut device, Request::ReadUuid);
    assert!(matches!(events[..], [Event::Reply(ID, Reply::Uuid(_))]), "{events:?}");
    assert_eq!(device.challenges(), 1);
    let users: Vec<_> = device.calls.iter().map(|(_, login)| login.username.as_str()).collect();
    assert_eq!(users, ["$$OsAdmin", "admin", "admin"]);
}

#[test]
fn a_challenge_that_closes_the_connection_is_answered_on_a_new_one() {
    let mut device = Device::new();
    device.closes = Closes::WithChallenges;
    let mut channel = plain();
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    assert_eq!((device.challenges(), device.connections), (1, 2));
}

#[test]
fn a_device_that_closes_after_each_reply_challenges_once() {
    let mut device = Device::new();
    device.closes = Closes::WithEveryReply;
    let mut channel = plain();
    for _ in 0..5 {
        assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    }
    let mut channel = next(channel, &mut device);
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)), "and the next channel");
    assert_eq!((device.challenges(), device.connections), (1, 7));
}

#[test]
fn a_wrong_password_is_given_up_also_when_each_challenge_closes_the_connection() {
    let mut device = Device::new();
    device.closes = Closes::WithChallenges;
    device.users.clear();
    assert_eq!(refusal(&mut plain(), &mut device, Request::ReadUuid), Refusal::Unauthorized);
    assert_eq!(device.challenges(), 3);
}

#[test]
fn a_401_without_a_challenge_is_no_answer() {
    let mut device = Device::instead_of("AMT_SetupAndConfigurationService.GetUuid", Instead::Bytes(http(401, "")));
    let mut channel = plain();
    assert_eq!(refusal(&mut channel, &mut device, Request::ReadUuid), Refusal::Unintelligible);
    device.instead = None;
    assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
}

#[test]
fn nothing_of_the_way_to_acm_is_sent_in_another_digest_session_than_the_nonce_s() {
    let upgrade = Request::UpgradeClientToAdmin { nonce: FirmwareNonce(NONCE) };
    let leaf = Request::AddChainCertificate { index: 0 };

    let mut device = Device::new();
    let mut channel = plain();
    reply(&mut channel, &mut device, Request::ReadUuid);
    assert_eq!(refusal(&mut channel, &mut device, leaf.clone()), Refusal::Unintelligible, "no nonce was read");

    reply(&mut channel, &mut device, Request::ReadControlMode);
    device.forget_nonces();
    assert_eq!(refusal(&mut channel, &mut device, leaf.clone()), Refusal::Unintelligible);
    assert_eq!(channel.explanation(), Some(&Explanation::NonceGone));
    assert_eq!(refusal(&mut channel, &mut device, upgrade.clone()), Refusal::Unintelligible);

    device.forget_nonces();
    reply(&mut channel, &mut device, Request::ReadControlMode);
    reply(&mut channel, &mut device, leaf);
    device.forget_nonces();
    reply(&mut channel, &mut device, Request::ReadUuid);
    assert_eq!(refusal(&mut channel, &mut device, upgrade.clone()), Refusal::Unintelligible);
    assert!(!device.names().iter().any(|name| name.ends_with("UpgradeClientToAdmin")));

    reply(&mut channel, &mut device, Request::ReadControlMode);
    assert_eq!(reply(&mut channel, &mut device, upgrade.clone()), Reply::Done);

    let mut channel = next(channel, &mut device);
    assert_eq!(refusal(&mut channel, &mut device, upgrade), Refusal::Unintelligible, "another connection");
}

#[test]
fn where_each_request_has_its_connection_the_end_of_one_loses_nothing() {
    let mut device = Device::new();
    device.closes = Closes::WithEveryReply;
    let mut channel = Channel::plain(settings(), Remembered::default(), Carriage::PerRequest);
    for _ in 0..2 {
        assert!(matches!(reply(&mut channel, &mut device, Request::ReadUuid), Reply::Uuid(_)));
    }
    assert!(channel.is_idle());
}
