//! What relay and server hold of a WebSocket, and no more (G10).

use async_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The longest frame and message taken from the wire. What is too long for the protocol but not for this is refused in
/// the protocol's words.
pub(crate) const MAX_FRAME: usize = 256 * 1024;

/// The limits of both ends. The buffers that tungstenite would allocate at once are a hundred times larger than what
/// most connections ever need.
pub(crate) fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// How the two ends of a WebSocket understand each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// [JSON messages](crate::protocol).
    Json,
    /// [Compact frames](crate::protocol::compact).
    Compact,
}
