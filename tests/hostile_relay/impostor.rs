//! A TLS server at a device's place: it shows the identity that it is given, and answers what it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use smol::Task;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// What it does once there is a connection.
#[derive(Clone, Copy)]
pub(crate) enum Conduct {
    /// Answers each request with these bytes, made of the request's number and text.
    Answers(fn(usize, &str) -> Vec<u8>),
    /// Answers with the first bytes, and then with the others without end.
    NeverEnds(&'static [u8], &'static [u8]),
    /// Sends these bytes instead of speaking TLS.
    NoTls(&'static [u8]),
}

/// A running one: it ends when it is dropped.
pub(crate) struct Impostor {
    heard: Arc<Mutex<Vec<u8>>>,
    _task: Task<()>,
}

impl Impostor {
    /// Listens on port 16993 of `address`.
    pub(crate) async fn start(address: Ipv4Addr, identity: &CertifiedKey, conduct: Conduct) -> Self {
        let tcp = TcpListener::bind(SocketAddr::from((address, 16993))).await.expect("a free port");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.clone())));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let ears = Arc::clone(&heard);
        let task = smol::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                // One at a time, as its relay dials; an end by the server is the next one's beginning.
                converse(&acceptor, stream, conduct, &ears).await.ok();
            }
        });
        Self { heard, _task: task }
    }

    /// All that it could read.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn converse(
    acceptor: &TlsAcceptor,
    mut tcp: TcpStream,
    conduct: Conduct,
    heard: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    if let Conduct::NoTls(bytes) = conduct {
        tcp.write_all(bytes).await?;
        tcp.read(&mut [0; 1024]).await?;
        return Ok(());
    }
    let mut stream = acceptor.accept(tcp).await?;
    for number in 0.. {
        let request = request(&mut stream).await?;
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(request.as_bytes());
        match conduct {
            Conduct::Answers(answer) => send(&mut stream, &answer(number, &request)).await?,
            Conduct::NeverEnds(first, piece) => {
                send(&mut stream, first).await?;
                loop {
                    send(&mut stream, &piece.repeat(1024)).await?;
                }
            }
            Conduct::NoTls(_) => {}
        }
    }
    Ok(())
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// The next whole request, as text.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= field.unwrap_or(0) {
                return Ok(text);
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => text += &String::from_utf8_lossy(&buffer[..count]),
        }
    }
}
