//! TLS records in the shape of a device's, with nothing in them.

/// A record whose content is nothing but 0x17.
pub(super) fn record(kind: u8, length: usize) -> Vec<u8> {
    sealed_in(kind, &vec![0x17; length])
}

fn sealed_in(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    record.extend(content);
    record
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    message[0] = kind;
    message.extend(body);
    message
}

/// A ClientHello whose random number is made of `seed`.
pub(super) fn client_hello(seed: u8) -> Vec<u8> {
    sealed_in(0x16, &message(1, &[&[3, 3][..], &[seed; 32], &[0, 0, 2, 0x13, 2, 1, 0]].concat()))
}

fn server_hello(random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let body = [&[3, 3][..], &random, &[4, 1, 2, 3, 4, 0x13, 2, 0], &length, extensions].concat();
    sealed_in(0x16, &message(2, &body))
}

const TLS13: &[u8] = &[0, 51, 0, 2, 9, 9, 0, 43, 0, 2, 3, 4];

/// A ServerHello of TLS 1.3 with TLS_AES_256_GCM_SHA384.
pub(super) fn server_hello_13(seed: u8) -> Vec<u8> {
    server_hello([seed; 32], TLS13)
}

/// The same for a session that is resumed.
pub(super) fn server_hello_resumed() -> Vec<u8> {
    server_hello([1; 32], &[&[0, 41, 0, 2, 0, 0], TLS13].concat())
}

/// ServerHello, ChangeCipherSpec, and encrypted records of these lengths.
pub(super) fn sealed_flight_13(lengths: &[usize]) -> Vec<u8> {
    let sealed = lengths.iter().map(|length| record(0x17, *length));
    [server_hello_13(1), sealed_in(0x14, &[1])].into_iter().chain(sealed).flatten().collect()
}

/// The same with a Finished of its own at the end.
pub(super) fn server_flight_13(lengths: &[usize]) -> Vec<u8> {
    sealed_flight_13(&[lengths, &[4 + 48 + 17]].concat())
}

/// HelloRetryRequest and ChangeCipherSpec.
pub(super) fn hello_retry() -> Vec<u8> {
    use sha2::{Digest, Sha256};
    [server_hello(Sha256::digest("HelloRetryRequest").into(), TLS13), sealed_in(0x14, &[1])].concat()
}

/// ServerHello, Certificate of that length, ServerKeyExchange and ServerHelloDone of TLS 1.2.
pub(super) fn server_flight_12(certificate: usize) -> Vec<u8> {
    let rest = [message(11, &vec![0x17; certificate]), message(12, &[0x17; 120]), message(14, &[])].concat();
    [server_hello([1; 32], &[0xFF, 1, 0, 1, 0]), sealed_in(0x16, &rest)].concat()
}

/// ChangeCipherSpec and an encrypted Finished, as a server's answer to either flight.
pub(super) fn client_finished_13() -> Vec<u8> {
    [sealed_in(0x14, &[1]), record(0x17, 69)].concat()
}
