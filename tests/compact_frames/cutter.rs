//! Somebody between relay and server who cuts their connection where a test wants it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use smol::Task;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{Shutdown, TcpListener, TcpStream};

/// What is done with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Cut {
    /// It is left alone.
    Never,
    /// It ends behind so many WebSocket messages, whichever way they went.
    BehindMessages(usize),
    /// It ends behind so many bytes, whichever way they went.
    BehindBytes(usize),
}

/// What passed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) connections: usize,
    pub(crate) messages: usize,
    /// Bytes of WebSocket frames, their headers included, without the HTTP of the handshake.
    pub(crate) bytes: usize,
}

/// Which server the next connection goes to, what happens to the connection of that number, and what has passed so far.
struct Shared {
    server: Mutex<SocketAddr>,
    cut: Box<dyn Fn(usize) -> Cut + Send + Sync>,
    passed: Mutex<Passed>,
}

pub(crate) struct Cutter {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: Task<()>,
}

impl Cutter {
    pub(crate) async fn start(server: SocketAddr, cut: impl Fn(usize) -> Cut + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared { server: Mutex::new(server), cut: Box::new(cut), passed: Mutex::default() });
        let accept = accept(listener, Arc::clone(&shared));
        Self { address, shared, _accepting: smol::spawn(accept) }
    }

    pub(crate) fn passed(&self) -> Passed {
        *self.shared.passed.lock().expect("no panic")
    }

    /// The next connections go there.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.shared.server.lock().expect("no panic") = server;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // One line at a time, as a relay has.
    while let Ok((relay, _)) = listener.accept().await {
        let number = {
            let mut passed = shared.passed.lock().expect("no panic");
            passed.connections += 1;
            passed.connections - 1
        };
        let address = *shared.server.lock().expect("no panic");
        if let Ok(server) = TcpStream::connect(address).await {
            let cut = (shared.cut)(number);
            smol::spawn(carry(relay, server, cut, Arc::clone(&shared))).detach();
        }
    }
}

/// Carries pieces, each an HTTP head or a WebSocket message, until the cut.
async fn carry(relay: TcpStream, server: TcpStream, cut: Cut, shared: Arc<Shared>) {
    for stream in [&relay, &server] {
        stream.set_nodelay(true).expect("a socket");
    }
    let left = Arc::new(Mutex::new(cut));
    let one = pump(relay.clone(), server.clone(), Arc::clone(&left), Arc::clone(&shared));
    let two = pump(server.clone(), relay.clone(), left, shared);
    one.or(two).await;
    for stream in [relay, server] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

async fn pump(mut from: TcpStream, mut to: TcpStream, left: Arc<Mutex<Cut>>, shared: Arc<Shared>) {
    let (mut buffer, mut pieces) = (vec![0; 16 * 1024], Pieces::default());
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        pieces.bytes.extend_from_slice(&buffer[..count]);
        while let Some((piece, is_message)) = pieces.next() {
            let (passes, ends) = allow(&mut left.lock().expect("no panic"), piece.len(), is_message);
            if is_message && passes == piece.len() {
                let mut passed = shared.passed.lock().expect("no panic");
                passed.messages += 1;
                passed.bytes += passes;
            }
            if to.write_all(&piece[..passes]).await.is_err() || ends {
                return;
            }
        }
    }
}

/// How many bytes of a piece pass, and whether it is the last.
fn allow(left: &mut Cut, length: usize, is_message: bool) -> (usize, bool) {
    match left {
        Cut::Never => (length, false),
        Cut::BehindMessages(count) if is_message => {
            if *count == 0 {
                return (0, true);
            }
            *count -= 1;
            (length, *count == 0)
        }
        Cut::BehindMessages(_) => (length, false),
        Cut::BehindBytes(count) => {
            let passes = length.min(*count);
            *count -= passes;
            (passes, *count == 0)
        }
    }
}

/// The pieces in one direction.
#[derive(Default)]
struct Pieces {
    bytes: Vec<u8>,
    upgraded: bool,
}

impl Pieces {
    /// The next whole piece, and whether it is a WebSocket message.
    fn next(&mut self) -> Option<(Vec<u8>, bool)> {
        let is_message = self.upgraded;
        let length = if is_message { message(&self.bytes)? } else { head(&self.bytes)? };
        let rest = self.bytes.split_off(length);
        self.upgraded = true;
        Some((std::mem::replace(&mut self.bytes, rest), is_message))
    }
}

fn head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The length of the WebSocket frame in front, if it is all there (RFC 6455 §5.2).
fn message(bytes: &[u8]) -> Option<usize> {
    let second = *bytes.get(1)?;
    let (header, payload) = match second & 0x7F {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let length = header + mask + usize::try_from(payload).ok()?;
    (bytes.len() >= length).then_some(length)
}
