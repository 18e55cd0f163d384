//! Bytes are a stored record.

use amt_provision_fsm::record::Snapshot;

/// Reads a record in any shape, and panics when the newest shape of it is read as another one or is not canonical.
pub fn snapshot(data: &[u8]) {
    let Ok(record) = Snapshot::decode(data) else { return };
    let canonical = Snapshot::encode(&record);
    let again = canonical.as_deref().map(Snapshot::decode);
    assert_eq!(again, Ok(Ok(record.clone())));
    assert_eq!(Snapshot::encode(&record), canonical);
    let mut longer = canonical.unwrap_or_default();
    longer.push(0);
    assert!(Snapshot::decode(&longer).is_err(), "a byte behind the record is passed over");
}
