//! How a pin came to be, in words for people.

use amt_provision_fsm::record::Provenance;

/// What vouched for the key.
pub(super) const fn explained(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Odca => {
            "made and committed inside TLS sessions that the silicon's own certificate chain vouched for"
        }
        Provenance::OdcaInterim => {
            "made and committed over the device's default key, which had been read inside a session that the silicon's \
             certificate chain vouched for"
        }
        Provenance::Adopted => {
            "made over TLS that nobody vouched for, on a device that somebody else had provisioned and that took the \
             password which the operator gave: a relay that was hostile then may have it"
        }
        Provenance::Provisional => {
            "made over TLS to a self-signed key that nobody vouched for: a relay that was hostile then may have it"
        }
        Provenance::FirstUse => {
            "made in plain text, before anything could vouch for the device: a relay that was hostile then may have it"
        }
    }
}
