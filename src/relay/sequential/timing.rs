//! How long rpc-go waits, as constants of its source and as measured (rpc-go.md §3, §4).

use amt_provision_fsm::time::Millis;

/// What lies between rpc-go and the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Intel LMS: a TCP port.
    Lms,
    /// The firmware's own channels over MEI, where no LMS is installed.
    Lme,
}

/// How long rpc-go waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Over what.
    pub transport: Transport,
    /// In a tunnel: for the first byte behind a message.
    pub first_byte: Millis,
    /// In a tunnel: for the next byte.
    pub idle: Millis,
    /// In a tunnel over LME: then for the end of the channel.
    pub close: Millis,
    /// In a tunnel: for one round. Then rpc-go ends.
    pub round: Millis,
    /// In plain text: for the first byte.
    pub plain_first_byte: Millis,
    /// In plain text over LMS: for the next byte. Over LME a reply ends with its channel.
    pub plain_idle: Millis,
    /// In plain text: for one round. Then rpc-go ends.
    pub plain_round: Millis,
    /// Between two tests of a port in a port switch, and behind the last.
    pub test_pause: Millis,
    /// Between two tries at a channel over LME.
    pub channel_pause: Millis,
    /// Over LME: until the reader of a channel that is still open has stopped.
    pub reader_stop: Millis,
}

impl Timing {
    /// How often a port is tested in a port switch; then rpc-go ends.
    pub const TESTS: u8 = 5;
    /// How often a plain channel is tried over LME; then rpc-go ends.
    pub const CHANNEL_TRIES: u8 = 3;
    /// The same in a tunnel. There rpc-go waits 18 s for the firmware to confirm a channel, and the emulation has no
    /// other sign of a firmware that has not done so yet than a port that refuses.
    pub const TUNNEL_TRIES: u8 = 72;

    /// Over LMS.
    pub const LMS: Self = Self {
        transport: Transport::Lms,
        first_byte: Millis(2000),
        idle: Millis(2000),
        close: Millis(0),
        round: Millis::from_secs(90),
        plain_first_byte: Millis(3000),
        plain_idle: Millis(100),
        plain_round: Millis(4000),
        test_pause: Millis::from_secs(5),
        channel_pause: Millis(0),
        reader_stop: Millis(0),
    };

    /// Over LME.
    pub const LME: Self = Self {
        transport: Transport::Lme,
        first_byte: Millis(3000),
        idle: Millis(200),
        close: Millis(1500),
        channel_pause: Millis(250),
        reader_stop: Millis(1300),
        ..Self::LMS
    };

    /// All of it shorter, for tests; parts of a millisecond count as a whole one.
    #[must_use]
    pub const fn scaled(self, by: u64) -> Self {
        const fn shorter(time: Millis, by: u64) -> Millis {
            Millis(time.0.div_ceil(by))
        }
        Self {
            transport: self.transport,
            first_byte: shorter(self.first_byte, by),
            idle: shorter(self.idle, by),
            close: shorter(self.close, by),
            round: shorter(self.round, by),
            plain_first_byte: shorter(self.plain_first_byte, by),
            plain_idle: shorter(self.plain_idle, by),
            plain_round: shorter(self.plain_round, by),
            test_pause: shorter(self.test_pause, by),
            channel_pause: shorter(self.channel_pause, by),
            reader_stop: shorter(self.reader_stop, by),
        }
    }
}
