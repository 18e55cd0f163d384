//! What a relay can read: all that goes through it. TLS records are on the tape as they are, and say nothing.

/// The tape, in two tracks, so that what goes one way is not interrupted by what goes the other.
#[derive(Debug, Default)]
pub(super) struct Tape {
    to_device: Vec<u8>,
    from_device: Vec<u8>,
    frames: Vec<u8>,
    searched: Mark,
}

/// How far it was searched.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    to_device: usize,
    from_device: usize,
    frames: usize,
}

impl Tape {
    /// The server's bytes for the device.
    pub(super) fn server_says(&mut self, bytes: &[u8]) {
        self.to_device.extend_from_slice(bytes);
    }

    /// What an impostor was asked, on lines of its own behind the TLS records that it came in.
    pub(super) fn impostor_hears(&mut self, said: &[u8]) {
        if !said.is_empty() {
            self.to_device.push(b'\n');
            self.to_device.extend_from_slice(said);
        }
    }

    /// The device's bytes for the server.
    pub(super) fn device_says(&mut self, bytes: &[u8]) {
        self.from_device.extend_from_slice(bytes);
    }

    /// A message between relay and server, as it stands on the line.
    pub(super) fn frame(&mut self, text: &str) {
        self.frames.extend_from_slice(text.as_bytes());
        self.frames.push(b'\n');
    }

    /// What is new since this was called last: bytes for the device, bytes of the device, frames.
    pub(super) fn news(&mut self) -> [Vec<u8>; 3] {
        let Mark { to_device, from_device, frames } = self.searched;
        self.searched =
            Mark { to_device: self.to_device.len(), from_device: self.from_device.len(), frames: self.frames.len() };
        let after = |track: &[u8], mark| track.get(mark..).unwrap_or_default().to_vec();
        [after(&self.to_device, to_device), after(&self.from_device, from_device), after(&self.frames, frames)]
    }

    /// From the beginning on once more.
    pub(super) fn rewind(&mut self) {
        self.searched = Mark::default();
    }
}
