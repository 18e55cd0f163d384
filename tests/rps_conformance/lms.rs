//! An LMS that hands the device's bytes on as a slow one would: each TLS record by itself.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use amt_provision::fsm::firmware::Port;
use smol::Task;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// Long enough for the relay to have read what came before, and shorter than any gap by which it guesses.
const PAUSE: Duration = Duration::from_millis(2);

/// How many bytes the relay has written to the device.
pub(crate) type Written = Arc<AtomicUsize>;

/// Listens on both ports of `address` for the device at `device`.
pub(crate) async fn serve(address: Ipv4Addr, device: Ipv4Addr, written: &Written) -> Vec<Task<()>> {
    let mut tasks = Vec::new();
    for port in [Port::Plain, Port::Tls] {
        let listener = TcpListener::bind((address, port.number())).await.unwrap();
        let written = written.clone();
        tasks.push(smol::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((relay, _)) = listener.accept().await {
                relay.set_nodelay(true).unwrap();
                connections.retain(|task: &Task<()>| !task.is_finished());
                let written = written.clone();
                connections.push(smol::spawn(async move {
                    // Without a device behind it the connection closes at once (odca.md §3).
                    if let Ok(device) = TcpStream::connect((device, port.number())).await {
                        let up = to_relay(device.clone(), relay.clone(), port);
                        let _ = up.or(to_device(relay, device, &written)).await;
                    }
                }));
            }
        }));
    }
    tasks
}

async fn to_device(mut relay: TcpStream, mut device: TcpStream, written: &Written) -> std::io::Result<u64> {
    let mut piece = [0; 4096];
    loop {
        let count = relay.read(&mut piece).await?;
        if count == 0 {
            return Ok(0);
        }
        written.fetch_add(count, Ordering::SeqCst);
        device.write_all(&piece[..count]).await?;
    }
}

async fn to_relay(mut device: TcpStream, mut relay: TcpStream, port: Port) -> std::io::Result<u64> {
    if port == Port::Plain {
        return smol::io::copy(device, relay).await;
    }
    loop {
        let mut header = [0; 5];
        device.read_exact(&mut header).await?;
        let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        device.read_exact(&mut record).await?;
        relay.write_all(&[&header[..], &record].concat()).await?;
        smol::Timer::after(PAUSE).await;
    }
}
