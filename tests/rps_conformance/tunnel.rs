//! RPS's end of a TLS tunnel: a real TLS client, and the rule by which it throws early records away.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use amt_provision::fsm::identity::SpkiHash;
use amt_provision::pki::spki::spki_hash_of_certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

pub(crate) struct Tunnel {
    tls: ClientConnection,
    shown: Arc<Shown>,
    /// The handshake has ended, and RPS's program has been told.
    connected: bool,
}

impl Tunnel {
    pub(crate) fn new() -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown = Arc::new(Shown { provider: provider.clone(), leaf: Mutex::default() });
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.dangerous().with_custom_certificate_verifier(shown.clone()).with_no_client_auth();
        let name = ServerName::try_from("device").unwrap();
        Self { tls: ClientConnection::new(Arc::new(config), name).unwrap(), shown, connected: false }
    }

    /// What is to be sent as one `tls_data`.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// `TLSTunnelManager.injectData`: a message of five bytes or more that begins with 0x17 is thrown away until the
    /// handshake has ended; false if it was.
    pub(crate) fn inject(&mut self, data: &[u8]) -> bool {
        if !self.connected && data.len() >= 5 && data[0] == 0x17 {
            return false;
        }
        let mut rest = data;
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            self.tls.process_new_packets().unwrap();
        }
        true
    }

    /// Whether the handshake has ended; from then on everything is taken.
    pub(crate) fn is_connected(&mut self) -> bool {
        self.connected |= !self.tls.is_handshaking();
        self.connected
    }

    pub(crate) fn write(&mut self, text: &[u8]) {
        self.tls.writer().write_all(text).unwrap();
    }

    pub(crate) fn read(&mut self) -> Vec<u8> {
        let (mut text, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = self.tls.reader().read(&mut piece) {
            text.extend_from_slice(&piece[..count]);
        }
        text
    }

    /// The key of the certificate that the device has shown.
    pub(crate) fn key(&self) -> SpkiHash {
        let leaf = self.shown.leaf.lock().unwrap();
        spki_hash_of_certificate(leaf.as_ref().expect("a certificate")).unwrap()
    }
}

/// Takes any certificate, as RPS does in most of its windows (rps.md §2), and remembers it.
#[derive(Debug)]
struct Shown {
    provider: Arc<CryptoProvider>,
    leaf: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.leaf.lock().unwrap() = Some(leaf.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
