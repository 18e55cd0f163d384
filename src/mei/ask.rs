//! One question at a time: connect, write, read, decode.

use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::pthi::{AnswerError, Command, Request};
use super::watchdog::{IS_CHANGE_TO_AMT_ENABLED, NotOneByte, StateIndependence};
use super::{FirmwareClient, MeiConnection, MeiError, MeiTransport};

/// How long to wait before each further try while another program holds the client: 6.35 s in all.
pub const BUSY_WAITS: &[Duration] = &[
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(3200),
];

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The message did not get there or nothing came back.
    #[error(transparent)]
    Mei(#[from] MeiError),
    /// The firmware refused, or answered with something else.
    #[error("{question:?}: {source}")]
    Answer {
        /// What was asked.
        question: Request,
        /// What is wrong with the answer.
        source: AnswerError,
    },
    /// The watchdog client answered with something else than its byte.
    #[error(transparent)]
    Watchdog(#[from] NotOneByte),
}

/// The firmware, as questions and answers.
#[derive(Clone, Debug)]
pub struct Mei<T> {
    transport: T,
    busy_waits: &'static [Duration],
    pause: fn(Duration),
}

impl<T: MeiTransport> Mei<T> {
    /// The firmware behind `transport`, with [`BUSY_WAITS`].
    pub fn new(transport: T) -> Self {
        Self { transport, busy_waits: BUSY_WAITS, pause: thread::sleep }
    }

    /// The same with another table of waits, and another way to wait.
    #[must_use]
    pub fn with_busy_waits(self, busy_waits: &'static [Duration], pause: fn(Duration)) -> Self {
        Self { busy_waits, pause, ..self }
    }

    /// Asks one question on a connection of its own.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn ask<C: Command>(&self, command: &C) -> Result<C::Answer, AskError> {
        ask_on(&mut self.connect(FirmwareClient::Pthi)?, command)
    }

    /// Asks for the state-independence byte.
    ///
    /// # Errors
    /// [`AskError`]: whoever gets one knows nothing about TLS on the local ports, and must not go on as if
    /// there were none.
    pub fn state_independence(&self) -> Result<StateIndependence, AskError> {
        let mut connection = self.connect(FirmwareClient::Watchdog)?;
        connection.write(&IS_CHANGE_TO_AMT_ENABLED)?;
        Ok(StateIndependence::decode(&connection.read()?)?)
    }

    /// Connects to `client`, again after each of the waits while it is busy.
    pub(super) fn connect(&self, client: FirmwareClient) -> Result<T::Connection, MeiError> {
        for &wait in self.busy_waits {
            match self.transport.connect(client) {
                Err(MeiError::Busy(_)) => (self.pause)(wait),
                other => return other,
            }
        }
        self.transport.connect(client)
    }
}

/// Asks one question on a PTHI connection, which can carry several.
pub(super) fn ask_on<C: Command>(connection: &mut impl MeiConnection, command: &C) -> Result<C::Answer, AskError> {
    connection.write(&command.request().encode())?;
    let message = Zeroizing::new(connection.read()?);
    command.decode(&message).map_err(|source| AskError::Answer { question: command.request(), source })
}
