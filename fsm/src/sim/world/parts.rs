//! What the machine is made of: what is to happen, and the ends of a connection.

use alloc::vec::Vec;

use crate::peer::Expectation;
use crate::provisioner::ChannelId;
use crate::record::{Generation, Record};
use crate::request::Certificate;
use crate::sim::device::Connection;
use crate::sim::wire::{Down, Message, Up};
use crate::stage::OpenFault;

/// Something that will happen at its time. What bears an older number than what it is for is dropped.
pub(super) enum Event {
    Up(u32, Up),
    Down(u32, Down),
    TcpOpened(u32),
    TcpFailed(u32, ChannelId, OpenFault),
    ToDevice(u32, Vec<u8>),
    ToRelay(u32, Vec<u8>),
    DeviceDone(u32, Message),
    DeviceGone(u32),
    Durable(u32, Generation, Record),
    Issued(u32, Certificate),
    Sent(u32, usize),
    Wrote(u32, ChannelId, usize),
    Surveyed(u32),
    RelayStarts,
}

/// A TCP connection between relay and device.
pub(super) struct Tcp {
    pub(super) id: u32,
    pub(super) channel: ChannelId,
    pub(super) connection: Connection,
    pub(super) inbox: Vec<u8>,
    pub(super) end: End,
}

/// Who is at the far end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Device,
    /// The relay itself, with a key of its own.
    Impostor,
    /// Another genuine device.
    Other,
}

/// The channel layer's part of a run.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) inbox: Vec<u8>,
    pub(super) expecting: Option<(ChannelId, Expectation)>,
}
