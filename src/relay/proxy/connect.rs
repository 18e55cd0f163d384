//! One `CONNECT` and its answer.

use std::fmt;
use std::io;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use zeroize::Zeroizing;

use super::url::ProxyUrl;
use crate::relay::ServerUrl;

/// For a proxy to answer: it dials the server before it does.
pub const PROXY_DEADLINE: Duration = Duration::from_secs(30);

/// The longest head of an answer in bytes (G10).
const MAX_HEAD: usize = 8 * 1024;

/// The most header fields of an answer.
const MAX_FIELDS: usize = 64;

/// Why there is no way through a proxy. It goes on after the proxy's name.
#[derive(Debug)]
pub enum ProxyFault {
    /// There is no way to the proxy itself.
    Unreachable(io::Error),
    /// It said nothing, or not all, in time.
    Silent(Duration),
    /// It left before it had answered.
    Ended,
    /// It answers with a status that opens no tunnel.
    Refused {
        /// The status.
        status: u16,
        /// Whether we named a user.
        named_user: bool,
    },
    /// What it answers is not HTTP/1.
    NotHttp,
    /// The head of its answer is too long.
    TooLong,
    /// It speaks in the tunnel before we have: a server does not.
    Early,
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::Silent(deadline) => write!(f, "did not answer within {deadline:?}"),
            Self::Ended => f.write_str("ended the connection before it had answered"),
            Self::Refused { status: 407, named_user: false } => {
                f.write_str("answers with status 407, it wants a user: give http://USER:PASSWORD@HOST:PORT")
            }
            Self::Refused { status: 407, named_user: true } => {
                f.write_str("answers with status 407, it does not take this user and password")
            }
            Self::Refused { status: status @ 500..=599, .. } => {
                write!(f, "answers with status {status}, it does not reach the server")
            }
            Self::Refused { status, .. } => write!(f, "answers with status {status}, it does not let this through"),
            Self::NotHttp => f.write_str("answers with what is not HTTP: expected an HTTP proxy that knows CONNECT"),
            Self::TooLong => write!(f, "answers with a head of more than {MAX_HEAD} bytes"),
            Self::Early => f.write_str("sends more than its answer: expected nothing before the server is spoken to"),
        }
    }
}

/// A connection to the server of `url`, made by `proxy`.
pub(in crate::relay) async fn connect(
    proxy: &ProxyUrl,
    url: &ServerUrl,
    deadline: Duration,
) -> Result<TcpStream, ProxyFault> {
    let late = async {
        smol::Timer::after(deadline).await;
        Err(ProxyFault::Silent(deadline))
    };
    let connect = async {
        let stream = TcpStream::connect((proxy.host(), proxy.port())).await.map_err(ProxyFault::Unreachable)?;
        ask(proxy, url, stream).await
    };
    connect.or(late).await
}

async fn ask(proxy: &ProxyUrl, url: &ServerUrl, mut stream: TcpStream) -> Result<TcpStream, ProxyFault> {
    let broken = |_: io::Error| ProxyFault::Ended;
    stream.write_all(request(proxy, url).as_bytes()).await.map_err(broken)?;
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let read = stream.read(&mut chunk).await.map_err(broken)?;
        if read == 0 {
            return Err(ProxyFault::Ended);
        }
        head.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if head.len() > MAX_HEAD {
            return Err(ProxyFault::TooLong);
        }
        if let Some(judged) = judge(&head, proxy.has_user()) {
            return judged.map(|()| stream);
        }
    }
}

fn request(proxy: &ProxyUrl, url: &ServerUrl) -> Zeroizing<String> {
    let (host, port) = (url.host(), url.port());
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if let Some(authorization) = proxy.authorization() {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

/// What an answer means; `None` while it is not whole.
fn judge(head: &[u8], named_user: bool) -> Option<Result<(), ProxyFault>> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut response = Response::new(&mut fields);
    match response.parse(head) {
        Ok(Status::Partial) => None,
        Ok(Status::Complete(length)) => Some(match response.code.unwrap_or_default() {
            // Any 2xx, and it has no body (RFC 9110 §9.3.6).
            200..=299 if length == head.len() => Ok(()),
            200..=299 => Err(ProxyFault::Early),
            status => Err(ProxyFault::Refused { status, named_user }),
        }),
        Err(_) => Some(Err(ProxyFault::NotHttp)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use smol::net::TcpListener;

    use super::*;

    /// What a relay makes of a proxy that answers with `answer` and then says no more; and what it was asked.
    fn answered(user: &str, answer: &[u8], leaves: bool) -> (Result<TcpStream, ProxyFault>, String) {
        smol::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = format!("http://{user}{}", listener.local_addr().unwrap()).parse().unwrap();
            let url = "wss://[fd00::1]:8443/activate".parse().unwrap();
            let double = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = String::new();
                while !asked.ends_with("\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await.unwrap();
                    asked.push(byte[0].into());
                }
                // A relay that has heard enough is gone.
                let _ = stream.write_all(answer).await;
                (asked, (!leaves).then_some(stream))
            };
            let silence = Duration::from_millis(if leaves { 30_000 } else { 200 });
            let (result, (asked, _stream)) = smol::future::zip(connect(&proxy, &url, silence), double).await;
            (result, asked)
        })
    }

    fn told(user: &str, answer: &[u8], leaves: bool) -> String {
        answered(user, answer, leaves).0.unwrap_err().to_string()
    }

    #[test]
    fn a_proxy_is_asked_for_the_server_and_told_the_user() {
        let (result, asked) = answered("u:p%20w@", b"HTTP/1.1 200 Connection established\r\n\r\n", false);
        assert!(result.is_ok());
        assert_eq!(
            asked,
            "CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\nProxy-Authorization: Basic dTpwIHc=\r\n\r\n"
        );
        let (result, asked) = answered("", b"HTTP/1.0 204 fine\r\nVia: x\r\n\r\n", false);
        assert!(result.is_ok() && !asked.contains("Proxy-Authorization"));
    }

    #[test]
    fn a_refusal_names_the_status_and_what_to_do() {
        for (user, status, expected) in [
            ("", 407, "status 407, it wants a user"),
            ("u:hunter2@", 407, "status 407, it does not take this user"),
            ("u:hunter2@", 403, "status 403, it does not let this through"),
            ("", 503, "status 503, it does not reach the server"),
            ("", 302, "status 302"),
            ("", 100, "status 100"),
        ] {
            let told = told(user, format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\nno").as_bytes(), true);
            assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn garbage_silence_floods_and_early_words_are_told_apart() {
        assert!(told("", b"SSH-2.0-OpenSSH_9\r\n", false).contains("not HTTP"));
        assert!(told("", &[0x15, 3, 1, 0, 2, 2, 22], false).contains("not HTTP"));
        assert!(told("", b"", false).contains("did not answer within 200ms"));
        assert!(told("", b"HTTP/1.1 200 OK\r\nVia:", false).contains("did not answer within"));
        assert!(told("", b"HTTP/1.1 200 OK\r\nVia:", true).contains("ended the connection"));
        assert!(told("", b"HTTP/1.1 200 OK\r\n\r\nhello", false).contains("more than its answer"));
        let endless = format!("HTTP/1.1 200 OK\r\nVia: {}", "x".repeat(1 << 20));
        assert!(told("", endless.as_bytes(), false).contains("more than 8192 bytes"));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_FIELDS + 1));
        assert!(told("", many.as_bytes(), false).contains("not HTTP"));
    }

    #[test]
    fn a_head_of_the_longest_size_is_taken_and_one_byte_more_is_not() {
        let head = |length: usize| {
            let frame = "HTTP/1.1 200 OK\r\nVia: \r\n\r\n".len();
            format!("HTTP/1.1 200 OK\r\nVia: {}\r\n\r\n", "x".repeat(length - frame))
        };
        assert!(answered("", head(MAX_HEAD).as_bytes(), false).0.is_ok());
        assert!(answered("", head(MAX_HEAD + 1).as_bytes(), false).0.is_err());
    }

    #[test]
    fn a_proxy_that_is_not_there_is_told_from_a_server_that_is_not() {
        smol::block_on(async {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let proxy = format!("http://{gone}").parse().unwrap();
            let error = connect(&proxy, &"wss://s".parse().unwrap(), PROXY_DEADLINE).await.unwrap_err();
            assert!(matches!(&error, ProxyFault::Unreachable(_)), "{error}");
        });
    }

    proptest! {
        /// The bytes come one by one as they may: all but the last are waited behind.
        #[test]
        fn no_part_of_a_proxys_answer_is_one(
            status in 200_u16..600, reason in "[ -~]{0,20}", fields in vec(("[A-Za-z-]{1,12}", "[!-~]{0,20}"), 0..5), named: bool,
        ) {
            let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let answer = format!("HTTP/1.1 {status} {reason}\r\n{fields}\r\n");
            for length in 0..answer.len() {
                prop_assert!(judge(&answer.as_bytes()[..length], named).is_none(), "{} bytes", length);
            }
            let judged = judge(answer.as_bytes(), named).unwrap();
            prop_assert_eq!(judged.is_ok(), status < 300, "{:?}", judged);
        }
    }
}
