//! The tunnel: what travels end to end between the server and a device's firmware, through a relay that sees
//! only bytes.

pub mod channel;
pub mod tls;
