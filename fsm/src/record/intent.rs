//! The only ways in which a record changes.

use super::{FlowB, Hold, KeyMark, Origin, Password, PasswordId, PasswordState, Pin, Pins, Record};
use crate::identity::{RomCaHash, SpkiHash};
use crate::request::Once;

/// One change of a [`Record`]. Each is durable before the request that it belongs to is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// The operator's permit is used up: the device may come as one that was never seen, with the ROM-CA
    /// hash that the permit names, if it names one; or still with the key that is stored (G5).
    UsePermit,
    /// The device has shown its stored key after all: it is held to it again.
    Hold,
    /// The ROM-CA hash that this device's ODCA session proved.
    EnrolRomCa(RomCaHash),
    /// The device's default key, as listed inside an ODCA session.
    EnrolInterim(SpkiHash),
    /// `Setup` with a new admin password (G2).
    Activate {
        /// Whether the channel gives the password away.
        exposed: bool,
    },
    /// A new admin password.
    ChangePassword,
    /// A device that somebody else provisioned becomes ours, and gets a new admin password first of all.
    Adopt {
        /// Whether the channel gives that password away.
        exposed: bool,
    },
    /// The device took this password.
    ConfirmPassword(PasswordId),
    /// A once-per-observation request.
    Doubt(Once),
    /// The device was seen; whatever was in doubt is decided.
    Settle,
    /// The commit that follows `Setup`.
    CommitActivation,
    /// A key generation.
    Generate(KeyMark),
    /// The key that the device is to show next (G3).
    IntendPin(Pin),
    /// A handshake has shown this pin's key.
    ConfirmPin(Pin),
    /// The commit that follows the upgrade to ACM was answered.
    CommitAdmin,
    /// A MEBx password.
    SetMebx,
    /// The device took the MEBx password.
    ConfirmMebx,
    /// The device was seen in pre-provisioning over a channel that proves it: its certificate and its
    /// modes are gone. Its identity and its passwords stay (G7).
    Reset,
}

impl Intent {
    /// Whether it writes down what the device has shown, and nothing that is still to be done.
    pub(crate) const fn is_finding(&self) -> bool {
        match self {
            Self::Hold
            | Self::EnrolRomCa(_)
            | Self::EnrolInterim(_)
            | Self::ConfirmPassword(_)
            | Self::Settle
            | Self::ConfirmPin(_)
            | Self::CommitAdmin
            | Self::ConfirmMebx
            | Self::Reset => true,
            Self::UsePermit
            | Self::Activate { .. }
            | Self::ChangePassword
            | Self::Adopt { .. }
            | Self::Doubt(_)
            | Self::CommitActivation
            | Self::Generate(_)
            | Self::IntendPin(_)
            | Self::SetMebx => false,
        }
    }
}

impl Record {
    /// Applies one change.
    pub fn apply(&mut self, intent: Intent) {
        match intent {
            Intent::UsePermit => {
                let permit = self.permit.take();
                self.pins.hold = Hold::Released;
                self.rom_ca = permit.and_then(|permit| permit.expect_rom_ca);
                self.flow_b = permit.map_or(FlowB::Refused, |permit| permit.flow_b);
            }
            Intent::EnrolRomCa(rom_ca) => self.rom_ca = Some(rom_ca),
            Intent::EnrolInterim(spki) => self.pins.interim = Some(spki),
            Intent::Activate { exposed } => {
                // The default key outlives `Setup`: what was listed of it stays.
                let interim = self.pins.interim;
                self.reset();
                self.pins.interim = interim;
                if self.admin.intended().is_none_or(|password| password.exposed != exposed) {
                    self.admin.add(exposed);
                }
                self.doubt = Some(Once::Setup);
            }
            Intent::ChangePassword => self.admin.add(false),
            Intent::Adopt { exposed } => {
                self.admin.add(exposed);
                self.origin = Origin::Adopted;
                // Whoever provisioned it has committed that.
                self.activation_committed = true;
            }
            Intent::ConfirmPassword(id) => self.admin.confirm(id),
            Intent::Doubt(once) => self.doubt = Some(once),
            Intent::Settle => self.doubt = None,
            Intent::CommitActivation => self.activation_committed = true,
            Intent::Generate(mark) => self.keying = Some(mark),
            Intent::IntendPin(pin) => {
                self.keying = None;
                self.pins.intended = Some(pin);
            }
            Intent::Hold => {
                self.flow_b = FlowB::Refused;
                self.pins.hold = Hold::Firm;
            }
            Intent::ConfirmPin(pin) => {
                self.keying = None;
                self.flow_b = FlowB::Refused;
                self.pins = Pins { confirmed: Some(pin), ..Pins::NONE };
            }
            Intent::CommitAdmin => self.admin_committed = true,
            Intent::SetMebx => {
                let id = PasswordId(self.mebx.map_or(0, |old| old.id.0.wrapping_add(1)));
                self.mebx = Some(Password { id, state: PasswordState::Intended, exposed: false });
            }
            Intent::ConfirmMebx => {
                self.mebx = self.mebx.map(|mebx| Password { state: PasswordState::Confirmed, ..mebx });
            }
            Intent::Reset => self.reset(),
        }
    }

    fn reset(&mut self) {
        self.pins = Pins::NONE;
        self.keying = None;
        self.doubt = None;
        self.mebx = self.mebx.map(|mebx| Password { state: PasswordState::Retired, ..mebx });
        self.origin = Origin::Ours;
        self.activation_committed = false;
        self.admin_committed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Uuid;

    fn meant(intents: impl IntoIterator<Item = Intent>) -> Record {
        let mut record = Record::new(Uuid::from_bytes(*b"amt-intent-tests").expect("no placeholder"));
        intents.into_iter().for_each(|intent| record.apply(intent));
        record
    }

    fn newest(record: &Record) -> Option<(PasswordId, bool)> {
        record.admin.intended().map(|password| (password.id, password.exposed))
    }

    #[test]
    fn a_second_setup_means_the_same_password_unless_that_is_given_away_or_is_not_to_be() {
        let activate = |exposed| Intent::Activate { exposed };
        assert_eq!(newest(&meant([activate(false), activate(false)])), Some((PasswordId(0), false)));
        assert_eq!(newest(&meant([activate(true), activate(true)])), Some((PasswordId(0), true)));
        assert_eq!(newest(&meant([activate(true), activate(false)])), Some((PasswordId(1), false)));
        assert_eq!(newest(&meant([activate(false), activate(true)])), Some((PasswordId(1), true)));
    }

    #[test]
    fn what_is_left_of_a_device_that_was_reset_is_who_it_is_and_its_passwords() {
        let silicon = RomCaHash::from_bytes([7; 32]);
        let before = [Intent::EnrolRomCa(silicon), Intent::Activate { exposed: false }, Intent::SetMebx];
        let device =
            [Intent::CommitActivation, Intent::CommitAdmin, Intent::EnrolInterim(SpkiHash::from_bytes([1; 32]))];
        let record = meant(before.into_iter().chain(device).chain([Intent::Reset]));
        assert_eq!((record.rom_ca, record.admin.iter().count()), (Some(silicon), 1));
        assert_eq!(record.mebx.map(|mebx| mebx.state), Some(PasswordState::Retired));
        assert_eq!((record.pins, record.doubt, &record.keying), (Pins::NONE, None, &None));
        assert!(!record.activation_committed && !record.admin_committed);
    }
}
