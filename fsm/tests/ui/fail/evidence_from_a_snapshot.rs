use amt_provision_fsm::session::AcmSeen;

fn from_stored_bytes<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

fn main() {
    let _ = from_stored_bytes::<AcmSeen>(&[]);
}
