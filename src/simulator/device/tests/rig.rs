//! A device, virtual time, and a client written by hand: raw envelopes in a digest session over TLS or plain text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision_fsm::firmware::{AmtVersion, Port};
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::peer::{Expectation, OdcaExpectation};
use amt_provision_fsm::time::{Instant, Millis};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::{PrivatePkcs8KeyDer, UnixTime};

use crate::http::digest::{Account, Cnonce, Refused, Session};
use crate::http::{self, Response, ResponseDecoder, StreamEnd};
use crate::mei::FirmwareClient;
use crate::mei::pthi::{Command, GetLocalSystemAccount};
use crate::pki::odca::OdcaTrust;
use crate::simulator::config::DeviceConfig;
use crate::simulator::device::{ConnectionId, Device, Output};
use crate::simulator::firmware::{Class, TrustedRoots, Truth};
use crate::simulator::identity::{SimulatorAuthority, generate_rsa_key};
use crate::simulator::keys::KeyPool;
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use crate::tunnel::tls::{TlsClient, TlsError, TlsVersion};
use crate::wsman::envelope::{Fault, MessageId, ReplyError, read_response, write_request};
use crate::wsman::xml::{Limits, Node};
use crate::wsman::{Call, EnumerationContext, Operation, Parameter, Reference, ResourceUri, Selector};

pub(crate) const ADMIN_PASSWORD: &str = "P@ssw0rd-admin";
pub(crate) const DOMAIN: &str = "vprodemo.test";

pub(crate) static AUTHORITY: LazyLock<Arc<SimulatorAuthority>> =
    LazyLock::new(|| Arc::new(SimulatorAuthority::generate().unwrap()));
pub(crate) static TRUST: LazyLock<Arc<OdcaTrust>> =
    LazyLock::new(|| Arc::new(AUTHORITY.trusted_as("simulator").unwrap()));
pub(crate) static PROVISIONING: LazyLock<ProvisioningChain> =
    LazyLock::new(|| ProvisioningChain::mint(&ProvisioningShape::for_domain(DOMAIN)).unwrap());
/// Each device gets copies of the same two keys: making them anew is what takes long.
static KEYS: LazyLock<[Vec<u8>; 3]> =
    LazyLock::new(|| std::array::from_fn(|_| generate_rsa_key().unwrap().serialize_der()));

pub(crate) fn config(version: AmtVersion) -> DeviceConfig {
    let uuid: Uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap();
    let key = |der: &Vec<u8>| {
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_slice()), &PKCS_RSA_SHA256)
    };
    DeviceConfig {
        keys: Arc::new(KeyPool::holding(KEYS.iter().map(|der| key(der).unwrap()))),
        roots: TrustedRoots::default().with_root("test root", PROVISIONING.root()).unwrap(),
        dns_suffix: Some(DOMAIN.to_owned()),
        ..DeviceConfig::new(uuid, version, Arc::clone(&AUTHORITY))
    }
}

pub(crate) fn amt_19() -> DeviceConfig {
    DeviceConfig { persona: "keeps-session".parse().unwrap(), ..config(AmtVersion::new(19, 0)) }
}

pub(crate) fn any_odca() -> Expectation {
    Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() }
}

/// The connection is over, and what was asked has no answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Lost;

/// What a call came to, apart from a Body.
#[derive(Debug)]
pub(crate) enum Failure {
    Lost,
    Fault(Box<Fault>),
    Unauthorized,
}

pub(crate) struct Rig {
    pub(crate) device: Device,
    pub(crate) now: Instant,
    /// Bytes are handed over in pieces of this size.
    pub(crate) piece: usize,
    to_client: BTreeMap<ConnectionId, Vec<u8>>,
    closed: BTreeSet<ConnectionId>,
    pub(crate) ports: Vec<Port>,
    /// Bytes that came out of the device so far.
    pub(crate) bytes_out: usize,
    messages: u64,
}

pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) tls: Option<TlsClient>,
    decoder: ResponseDecoder,
}

impl Rig {
    pub(crate) fn new(config: &DeviceConfig) -> Self {
        let mut rig = Self {
            device: Device::new(config).unwrap(),
            now: Instant::ZERO,
            piece: usize::MAX,
            to_client: BTreeMap::new(),
            closed: BTreeSet::new(),
            ports: Vec::new(),
            bytes_out: 0,
            messages: 0,
        };
        rig.drain();
        rig
    }

    pub(crate) fn truth(&self) -> Truth {
        self.device.truth(self.now)
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.device.poll_output() {
            match output {
                Output::Send(id, bytes) => {
                    self.bytes_out += bytes.len();
                    self.to_client.entry(id).or_default().extend(bytes);
                }
                Output::Close(id) => assert!(self.closed.insert(id), "closed twice"),
                Output::Listen(port) => self.ports.push(port),
                Output::Unlisten(port) => self.ports.retain(|open| *open != port),
            }
        }
    }

    /// Lets time pass until something is due; `false` if nothing is.
    pub(crate) fn wait(&mut self) -> bool {
        let Some(at) = self.device.poll_timeout() else { return false };
        assert!(at >= self.now);
        self.now = at;
        self.device.handle_timeout(at);
        self.drain();
        true
    }

    pub(crate) fn pass(&mut self, time: Millis) {
        self.now = self.now + time;
        self.device.handle_timeout(self.now);
        self.drain();
    }

    /// Carries what there is, both ways, until nobody says anything more without time passing.
    fn carry(&mut self, client: &mut Client) -> Result<Vec<u8>, TlsError> {
        let mut plain = Vec::new();
        loop {
            self.drain();
            let up = client.tls.as_mut().map(TlsClient::take_output).unwrap_or_default();
            for piece in up.chunks(self.piece.min(up.len()).max(1)) {
                self.device.receive(self.now, client.id, piece);
            }
            self.drain();
            let down = self.to_client.remove(&client.id).unwrap_or_default();
            if up.is_empty() && down.is_empty() {
                return Ok(plain);
            }
            for piece in down.chunks(self.piece.min(down.len()).max(1)) {
                match &mut client.tls {
                    None => plain.extend_from_slice(piece),
                    Some(tls) => {
                        let fed = tls.feed(piece);
                        plain.extend(tls.read_plaintext());
                        fed?;
                    }
                }
            }
        }
    }

    pub(crate) fn is_closed(&self, client: &Client) -> bool {
        self.closed.contains(&client.id)
    }

    /// One connection, without waiting for a port that is away.
    pub(crate) fn dial(&mut self, port: Port, expectation: Expectation) -> Result<Client, Option<TlsError>> {
        let id = self.device.connect(self.now, port);
        let tls = match port {
            Port::Plain => None,
            Port::Tls => {
                let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
                Some(TlsClient::new(expectation, Arc::clone(&TRUST), now, TlsVersion::V1_3).unwrap())
            }
        };
        let mut client = Client { id, tls, decoder: ResponseDecoder::new(http::Limits::DEFAULT) };
        self.drain();
        if self.is_closed(&client) {
            return Err(None);
        }
        self.carry(&mut client).map_err(Some)?;
        match &client.tls {
            Some(tls) if tls.peer().is_none() => Err(None),
            _ => Ok(client),
        }
    }

    /// A connection over TLS, once the port is back.
    pub(crate) fn tls(&mut self, expectation: Expectation) -> Client {
        loop {
            match self.dial(Port::Tls, expectation.clone()) {
                Ok(client) => return client,
                Err(None) => assert!(self.wait(), "the port never comes back"),
                Err(Some(error)) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn send(&mut self, client: &mut Client, bytes: &[u8]) -> Result<Response, Lost> {
        match &mut client.tls {
            Some(tls) => tls.write_plaintext(bytes).map_err(|_| Lost)?,
            None => bytes.chunks(self.piece.min(bytes.len())).for_each(|piece| {
                self.device.receive(self.now, client.id, piece);
            }),
        }
        loop {
            let plain = self.carry(client).map_err(|_| Lost)?;
            let mut rest = plain.as_slice();
            if let Some(response) = client.decoder.decode(&mut rest).unwrap() {
                assert!(rest.is_empty());
                return Ok(response);
            }
            if self.is_closed(client) {
                assert!(client.decoder.finish(StreamEnd::Cut).unwrap_or(None).is_none());
                return Err(Lost);
            }
            assert!(self.wait(), "the device never answers");
        }
    }

    /// One call with all the 401s that it takes.
    pub(crate) fn call(
        &mut self,
        client: &mut Client,
        session: &mut Session,
        call: &Call,
    ) -> Result<Option<Node>, Failure> {
        loop {
            self.messages += 1;
            let id = MessageId(self.messages);
            let authorization = session.authorize(&Cnonce::new([7; 16]));
            let envelope = write_request(call, id);
            let bytes = http::write_request(
                self.truth().uuid,
                Port::Tls,
                http::Connection::KeepAlive,
                authorization.as_ref(),
                &envelope,
            );
            let response = self.send(client, &bytes).map_err(|Lost| Failure::Lost)?;
            if response.status == 401 {
                match session.challenged(response.fields.all("www-authenticate")) {
                    Ok(()) => continue,
                    Err(Refused::Credentials { .. }) => return Err(Failure::Unauthorized),
                    Err(other) => panic!("{other}"),
                }
            }
            session.accepted();
            return match read_response(response.status, &response.body, id, Limits::DEFAULT) {
                Ok(body) => Ok(body),
                Err(ReplyError::Fault(fault)) => Err(Failure::Fault(fault)),
                Err(other) => panic!("{call}: {other}"),
            };
        }
    }

    /// The local system account, as a relay reads it over MEI.
    pub(crate) fn local_system(&self) -> Session {
        let question = GetLocalSystemAccount;
        let answer = self.device.answer_host(FirmwareClient::Pthi, &question.request().encode()).unwrap();
        let account = question.decode(&answer).unwrap();
        Session::new(Account::new(&account.user, account.password.expose()))
    }
}

pub(crate) fn admin(password: &str) -> Session {
    Session::new(Account::new("admin", password))
}

/// A connection with its session: what most tests talk through.
pub(crate) struct Line<'a> {
    pub(crate) rig: &'a mut Rig,
    pub(crate) client: Client,
    pub(crate) session: Session,
}

impl Line<'_> {
    pub(crate) fn try_call(&mut self, call: &Call) -> Result<Option<Node>, Failure> {
        self.rig.call(&mut self.client, &mut self.session, call)
    }

    pub(crate) fn call(&mut self, call: &Call) -> Node {
        match self.try_call(call) {
            Ok(Some(body)) => body,
            other => panic!("{call}: {other:?}"),
        }
    }

    pub(crate) fn get(&mut self, class: Class) -> Node {
        self.call(&Call::new(class.uri(), Operation::Get))
    }

    pub(crate) fn list(&mut self, class: Class) -> Vec<Node> {
        let reply = self.call(&Call::new(class.uri(), Operation::Enumerate));
        let mut context = text(&reply, "EnumerationContext");
        let mut items = Vec::new();
        loop {
            let pull = Operation::Pull(EnumerationContext(context));
            let reply = self.call(&Call::new(class.uri(), pull));
            items.extend(reply.property("Items").unwrap().children().to_vec());
            match reply.property("EnumerationContext") {
                Some(next) => context = next.value().to_owned(),
                None => return items,
            }
        }
    }

    /// The return value of a method, and its reply.
    pub(crate) fn invoke(
        &mut self,
        class: Class,
        method: &'static str,
        parameters: impl IntoIterator<Item = (&'static str, Parameter)>,
    ) -> (u32, Node) {
        let reply = self.call(&Call::invoke(class.uri(), method, parameters));
        (text(&reply, "ReturnValue").parse().unwrap(), reply)
    }

    /// A method whose reply may be lost.
    pub(crate) fn invoke_once(
        &mut self,
        class: Class,
        method: &'static str,
        parameters: impl IntoIterator<Item = (&'static str, Parameter)>,
    ) {
        match self.try_call(&Call::invoke(class.uri(), method, parameters)) {
            Ok(Some(reply)) => assert_eq!(text(&reply, "ReturnValue"), "0", "{method}"),
            Err(Failure::Lost) => {}
            other => panic!("{method}: {other:?}"),
        }
    }

    pub(crate) fn fault(&mut self, call: &Call) -> Fault {
        match self.try_call(call) {
            Err(Failure::Fault(fault)) => *fault,
            other => panic!("{call}: {other:?}"),
        }
    }
}

pub(crate) fn text(node: &Node, property: &str) -> String {
    node.property(property).unwrap_or_else(|| panic!("no {property}")).value().to_owned()
}

/// A reference parameter or property to a certificate.
pub(crate) fn credential_context(certificate: &Reference) -> Node {
    let collection = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TLSProtocolEndpointCollection");
    let collection =
        Reference::new(collection, [Selector::text("ElementName", "TLSProtocolEndpointInstances Collection")]);
    let class = Class::TlsCredentialContext.uri();
    class
        .instance()
        .with(certificate.write_into(class.element("ElementInContext")))
        .with(collection.write_into(class.element("ElementProvidingContext")))
}
