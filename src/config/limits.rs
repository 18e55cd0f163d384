//! `[server.limits]` and `[server.deadlines]`.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::read::{Section, Value};
use crate::limits::{Deadlines, Limits, PerMinute};

/// What cannot be meant: more than the kernel has sockets for, or a minute has room for.
const MOST: usize = 1_000_000;

/// A deadline of more than an hour is none.
const LONGEST: usize = 3600;

pub(super) fn read(value: &Value<'_>) -> Option<Limits> {
    const KEYS: &[&str] =
        &["connections", "address_connections", "address_connections_per_minute", "device_runs_per_minute", "exempt"];
    let section = value.section("[server.limits]", KEYS)?;
    let default = Limits::default();
    let connections = section.or("connections", default.connections, |value| count(&value));
    let address_connections = section.or("address_connections", default.address_connections, |value| count(&value));
    let address_rate = section.or("address_connections_per_minute", default.address_rate, |value| rate(&value));
    let device_rate = section.or("device_runs_per_minute", default.device_rate, |value| rate(&value));
    let exempt = section.or("exempt", default.exempt, |value| value.items()?.map(|item| address(&item)).collect());
    Some(Limits {
        connections: connections?,
        address_connections: address_connections?,
        address_rate: address_rate?,
        device_rate: device_rate?,
        exempt: exempt?,
    })
}

pub(super) fn read_deadlines(value: &Value<'_>, default: Deadlines) -> Option<Deadlines> {
    const KEYS: &[&str] = &[
        "handshake_seconds",
        "first_message_seconds",
        "take_seconds",
        "reconnect_seconds",
        "goodbye_seconds",
        "shutdown_seconds",
    ];
    let section = value.section("[server.deadlines]", KEYS)?;
    let accept = seconds(&section, "handshake_seconds", default.accept);
    let hello = seconds(&section, "first_message_seconds", default.hello);
    let take = seconds(&section, "take_seconds", default.take);
    let reconnect = seconds(&section, "reconnect_seconds", default.reconnect);
    let goodbye = seconds(&section, "goodbye_seconds", default.goodbye);
    let shutdown = seconds(&section, "shutdown_seconds", default.shutdown);
    Some(Deadlines {
        accept: accept?,
        hello: hello?,
        take: take?,
        reconnect: reconnect?,
        goodbye: goodbye?,
        shutdown: shutdown?,
    })
}

fn seconds(section: &Section<'_>, key: &'static str, default: Duration) -> Option<Duration> {
    section.or(key, default, |value| match value.count()? {
        count @ 1..=LONGEST => Some(Duration::from_secs(count as u64)),
        _ => value.mistake(format_args!("is no deadline: expected 1 to {LONGEST} seconds")),
    })
}

fn count(value: &Value<'_>) -> Option<NonZeroUsize> {
    match NonZeroUsize::new(value.count()?) {
        Some(count) if count.get() <= MOST => Some(count),
        _ => value.mistake(format_args!("is no limit: expected a whole number from 1 to {MOST}")),
    }
}

fn rate(value: &Value<'_>) -> Option<PerMinute> {
    let count = count(value)?;
    NonZeroU32::try_from(count).ok().map(PerMinute)
}

fn address(value: &Value<'_>) -> Option<IpAddr> {
    let text = value.text()?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => value.mistake(format_args!("has \"{text}\", which is no address: expected one such as \"10.0.0.7\"")),
    }
}
