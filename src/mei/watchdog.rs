//! The watchdog client's state-independence byte: is there TLS on the local ports?
//!
//! Its messages have a 4-byte header of their own, and the answer to the one command here is a single byte
//! without any header (rpc-go.md §2).

/// `STATE_INDEPENDENCE_IsChangeToAMTEnabled`: command 5, two more bytes, sub-command 0x51, version 1.0.
pub const IS_CHANGE_TO_AMT_ENABLED: [u8; 4] = [0x05, 0x02, 0x51, 0x10];

/// An answer that is not one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the firmware's watchdog client answered with {0} bytes: expected 1")]
pub struct NotOneByte(pub usize);

/// The answer to [`IS_CHANGE_TO_AMT_ENABLED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateIndependence(u8);

impl StateIndependence {
    const TRANSITION_ALLOWED: u8 = 0x01;
    const OPERATIONAL: u8 = 0x02;
    const TLS_ON_LOCAL_PORTS: u8 = 0x40;
    const NEW_INTERFACE: u8 = 0x80;

    /// The answer with these bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`NotOneByte`]. No answer at all must never be read as "no TLS".
    pub fn decode(message: &[u8]) -> Result<Self, NotOneByte> {
        match message {
            [bits] => Ok(Self(*bits)),
            other => Err(NotOneByte(other.len())),
        }
    }

    /// The answer as the firmware writes it.
    pub const fn encode(self) -> [u8; 1] {
        [self.0]
    }

    /// Whether the local ports speak TLS only. The bit means that only beside bit 7, the new interface.
    pub const fn tls_on_local_ports(self) -> bool {
        const BOTH: u8 = StateIndependence::NEW_INTERFACE | StateIndependence::TLS_ON_LOCAL_PORTS;
        self.0 & BOTH == BOTH
    }

    /// Whether AMT may be switched on.
    pub const fn transition_allowed(self) -> bool {
        self.0 & Self::TRANSITION_ALLOWED != 0
    }

    /// Whether AMT is switched on; `None` from firmware of before the new interface, which does not say.
    pub const fn operational(self) -> Option<bool> {
        if self.0 & Self::NEW_INTERFACE == 0 { None } else { Some(self.0 & Self::OPERATIONAL != 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_needs_the_tls_bit_and_the_interface_bit() {
        for bits in 0..=u8::MAX {
            assert_eq!(StateIndependence::from_bits(bits).tls_on_local_ports(), bits & 0xC0 == 0xC0, "{bits:#x}");
        }
    }

    #[test]
    fn every_answer_is_read_as_it_was_written() {
        for bits in 0..=u8::MAX {
            let answer = StateIndependence::from_bits(bits);
            assert_eq!(StateIndependence::decode(&answer.encode()), Ok(answer));
            assert_eq!(StateIndependence::decode(&[bits, bits]), Err(NotOneByte(2)));
        }
    }

    #[test]
    fn known_devices_are_read_right() {
        for (bits, tls) in [(0xC3, true), (0xC2, true), (0x83, false), (0x82, false), (0x43, false)] {
            let answer = StateIndependence::decode(&[bits]).unwrap();
            assert_eq!(answer.tls_on_local_ports(), tls);
            assert_eq!(answer.encode(), [bits]);
        }
        assert_eq!(StateIndependence::from_bits(0x82).operational(), Some(true));
        assert_eq!(StateIndependence::from_bits(0x03).operational(), None);
        assert!(!StateIndependence::from_bits(0x82).transition_allowed());
    }

    #[test]
    fn anything_but_one_byte_is_an_error_and_never_no_tls() {
        for message in [&[][..], &[0xC3, 0], &[0; 8]] {
            assert_eq!(StateIndependence::decode(message), Err(NotOneByte(message.len())));
        }
    }
}
