//! What happens next to a device: what its record means, in words for whoever waits for it.

use amt_provision_fsm::record::{Hold, Record};

use crate::store::{AuditEvent, Ending, KnownDevice};

/// What the next run does, and what a person can; the most important first.
pub(in crate::cli) fn next(device: &KnownDevice) -> Vec<String> {
    let record = match &device.record {
        Ok(record) => record,
        Err(_) => return vec!["no run can go on from a damaged record: restore the store from a backup".to_owned()],
    };
    let mut next = Vec::new();
    if device.removed_at.is_some() {
        next.push(
            "it is in service again, as itself, when it comes back; `devices forget` destroys what is kept".into(),
        );
    }
    next.extend(marks(record));
    next.push(
        match device.outcome.as_ref().map(|outcome| outcome.ending) {
            None => "its first run has not ended: it goes on, or the next one finishes it",
            Some(Ending::Configured) => {
                "the next run looks whether the device still is at its goal, and mends what is not"
            }
            Some(Ending::Unprovisioned) => "the next run begins with activation",
            Some(Ending::Failed) => "the next run goes on from where the device is; see to what the last one said",
            Some(Ending::Quarantined) if record.permit.is_some() => "the next run may start over",
            Some(Ending::Quarantined) => {
                "the next run is held to the same key; if the device itself was changed, `devices re-enrol` permits it \
                 to start over"
            }
        }
        .to_owned(),
    );
    next
}

/// What is in doubt or meant, and what becomes of it.
fn marks(record: &Record) -> Vec<String> {
    let mut marks = Vec::new();
    if let Some(permit) = record.permit {
        marks.push(format!("{}; the next run uses it up", AuditEvent::Permitted(permit)));
    }
    if let Some(once) = record.doubt {
        marks.push(format!("whether {once:?} was applied is not known: the next run looks before it asks again"));
    }
    if record.keying.is_some() {
        marks.push("whether a key pair was made is not known: the next run takes it over if it is there".into());
    }
    match (record.pins.intended, record.pins.confirmed) {
        (Some(_), Some(_)) => marks.push("it may show its new key or the old one: what it shows is confirmed".into()),
        (Some(_), None) => {
            marks.push("it is to show its own key: when it has, there is no way back to a weaker one".into())
        }
        (None, _) => {}
    }
    if record.pins.hold == Hold::Released {
        marks.push("a permit was used: it may show its old key, or come as one that was never seen".into());
    }
    if record.admin.confirmed().is_none() && record.admin.candidates().next().is_some() {
        marks.push(
            "which admin password it has is not known: those that it may have are tried, the newest first".into(),
        );
    }
    marks
}
