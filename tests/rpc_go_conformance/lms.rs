//! An LMS that goes away while the firmware restarts: its port refuses, which is what rpc-go does not survive.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::fsm::firmware::Port;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// Forwards 16993 of `at` to that of `device`. Whenever the device ends a connection by itself, nobody listens for
/// `away`. Counts the connections that came.
pub(crate) async fn refusing(
    at: Ipv4Addr,
    device: Ipv4Addr,
    away: Duration,
    accepted: Arc<std::sync::atomic::AtomicU32>,
) {
    let (ended, ends): (Sender<()>, Receiver<()>) = smol::channel::unbounded();
    let executor = Arc::new(smol::Executor::new());
    let serve = async {
        loop {
            let listener = TcpListener::bind((at, Port::Tls.number())).await.expect("a free port");
            let accept = async {
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    accepted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let ended = ended.clone();
                    executor
                        .spawn(async move {
                            if forward(stream, device).await == Side::Device {
                                let _ = ended.send(()).await;
                            }
                        })
                        .detach();
                }
            };
            accept.or(async { ends.recv().await.expect("a sender") }).await;
            drop(listener);
            smol::Timer::after(away).await;
            while ends.try_recv().is_ok() {}
        }
    };
    executor.run(serve).await;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Relay,
    Device,
}

/// Forwards until one side ends; which one it was.
async fn forward(relay: TcpStream, device: Ipv4Addr) -> Side {
    let Ok(device) = TcpStream::connect((device, Port::Tls.number())).await else { return Side::Device };
    let up = pump(device.clone(), relay.clone(), Side::Device);
    let down = pump(relay, device, Side::Relay);
    up.or(down).await
}

async fn pump(mut from: TcpStream, mut to: TcpStream, side: Side) -> Side {
    let mut buffer = vec![0; 4096];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    side
}
