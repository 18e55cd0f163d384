//! A device in memory: digest, HTTP and envelopes from the device-side halves, and just enough state.

use std::collections::VecDeque;

use amt_provision_fsm::request::{CertificateHandle, KeyHandle};

use crate::http::digest::{DigestRealm, Ha1, Login, Verifier};
use crate::http::{Connection, DeviceResponse, Framing, Limits, RequestDecoder};
use crate::tunnel::channel::Channel;
use crate::wsman::class::{
    certificate, general_settings, host_based_setup, key_pair, setup_and_configuration, tls_credential_context,
    tls_setting_data,
};
use crate::wsman::envelope::{
    DeviceMessageId, Fault, FaultKind, Request, created_reply, enumerate_reply, method_reply, pull_reply, read_request,
    write_fault, write_response,
};
use crate::wsman::namespace::{ADDRESSING, WSMAN};
use crate::wsman::xml::{self, Node};
use crate::wsman::{Call, EnumerationContext, Operation, Reference, ResourceUri, Selector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) const UUID: &str = "4c4c4544-0051-3610-8053-b7c04f4e3033";
/// Half of it in lower case, which counts when it is hashed.
pub(super) const REALM: &str = "Digest:727734D63A1FC0423736e48da554e462";
pub(super) const REALM_BYTES: [u8; 16] =
    [0x72, 0x77, 0x34, 0xd6, 0x3a, 0x1f, 0xc0, 0x42, 0x37, 0x36, 0xe4, 0x8d, 0xa5, 0x54, 0xe4, 0x62];
pub(super) const NONCE: [u8; 20] = [9; 20];
pub(super) const DEVICE_CLOCK: u32 = 1_704_586_865;
const SERVER: &str = "Intel(R) Active Management Technology 16.1.25";

/// When the device closes its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closes {
    Never,
    WithChallenges,
    WithEveryReply,
}

/// What the device does instead of answering.
#[derive(Clone)]
pub(super) enum Instead {
    ReturnValue(u32),
    Fault(FaultKind),
    Bytes(Vec<u8>),
    Body(&'static str),
}

pub(super) struct Device {
    verifier: Verifier,
    decoder: RequestDecoder,
    challenges: u32,
    /// Connections so far.
    pub(super) connections: u32,
    pub(super) closes: Closes,
    pub(super) users: Vec<(&'static str, &'static str)>,
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) bound: Option<usize>,
    /// What to do instead of the answer to the call of that name.
    pub(super) instead: Option<(&'static str, Instead)>,
    /// Items in a page of a list.
    pub(super) page: usize,
    pages: VecDeque<Node>,
    /// The calls that were let in, with the account and the nonce.
    pub(super) calls: Vec<(Call, Login)>,
    /// Everything that arrived.
    pub(super) received: Vec<u8>,
}

impl Device {
    pub(super) fn new() -> Self {
        Self {
            verifier: Verifier::new(realm()),
            decoder: RequestDecoder::new(Limits::DEFAULT),
            challenges: 0,
            connections: 1,
            closes: Closes::Never,
            users: vec![("admin", "P@ssw0rd1"), ("$$OsAdmin", "osadmin-secret")],
            keys: Vec::new(),
            certificates: Vec::new(),
            bound: None,
            instead: None,
            page: 1,
            pages: VecDeque::new(),
            calls: Vec::new(),
            received: Vec::new(),
        }
    }

    pub(super) fn instead_of(call: &'static str, instead: Instead) -> Self {
        Self { instead: Some((call, instead)), ..Self::new() }
    }

    /// How often it asked for a login.
    pub(super) const fn challenges(&self) -> u32 {
        self.challenges
    }

    /// As after a restart.
    pub(super) fn forget_nonces(&mut self) {
        self.verifier.forget_nonces();
    }

    /// A new connection to the same device.
    pub(super) fn reconnect(&mut self) {
        self.connections += 1;
        self.decoder = RequestDecoder::new(Limits::DEFAULT);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.calls.iter().map(|(call, _)| call.to_string()).collect()
    }

    pub(super) fn last(&self) -> &Call {
        &self.calls.last().unwrap().0
    }

    /// The out-parameter, property or in-parameter `name` of the last call's body.
    pub(super) fn sent(&self, name: &str) -> String {
        body(self.last()).property(name).map(|node| node.value().to_owned()).unwrap()
    }

    /// Talks with a plain channel until both are silent.
    pub(super) fn converse(&mut self, channel: &mut Channel) {
        self.converse_in_pieces(channel, std::iter::empty());
    }

    /// The same with replies cut into pieces of these sizes.
    pub(super) fn converse_in_pieces(&mut self, channel: &mut Channel, mut cuts: impl Iterator<Item = usize>) {
        loop {
            let sent = channel.take_output();
            if sent.is_empty() {
                return;
            }
            let replies = self.take(&sent);
            let mut rest = &replies[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
                channel.feed(piece, super::now());
                rest = after;
            }
        }
    }

    /// Takes bytes of HTTP and gives back those of the replies.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        self.received.extend_from_slice(bytes);
        let mut replies = Vec::new();
        while let Some(request) = self.decoder.decode(&mut bytes).unwrap() {
            let users = self.users.clone();
            let known = |user: &str| {
                let (user, password) = users.iter().find(|(name, _)| *name == user)?;
                Some(Ha1::new(user, &realm(), password))
            };
            let authorization = request.fields.get("Authorization").unwrap_or_default();
            let reply = match self.verifier.verify(authorization, &request.method, known) {
                Ok(login) => self.answer(&request.body, login),
                Err(_) => {
                    self.challenges += 1;
                    let challenge = self.verifier.challenge(&format!("nonce{}", self.challenges), false);
                    let mut reply = DeviceResponse::unauthorized(&challenge, SERVER);
                    if self.closes == Closes::Never {
                        reply.connection = Connection::KeepAlive;
                    }
                    reply.to_bytes()
                }
            };
            replies.extend_from_slice(&reply);
        }
        replies
    }

    fn answer(&mut self, body: &[u8], login: Login) -> Vec<u8> {
        let request = read_request(body, xml::Limits::DEFAULT).unwrap();
        let id = DeviceMessageId(1);
        self.calls.push((request.call.clone(), login));
        let instead = self.instead.clone().filter(|(name, _)| *name == request.call.to_string());
        let (status, text) = match instead {
            Some((_, Instead::Bytes(bytes))) => return bytes,
            Some((_, Instead::Body(body))) => (200, body.to_owned().into()),
            Some((_, Instead::ReturnValue(value))) => {
                (200, write_response(&request, id, Some(method_reply(&request.call, [], value))))
            }
            Some((_, Instead::Fault(kind))) => {
                let fault = Fault::new(kind);
                (fault.http_status(), write_fault(Some(&request.message_id), id, &fault))
            }
            None => (200, write_response(&request, id, self.content(&request))),
        };
        let mut reply = DeviceResponse::envelope(status, "Tue, 24 Nov 2026 04:00:00 GMT", SERVER, &text);
        if self.closes == Closes::WithEveryReply {
            reply.connection = Connection::Close;
        }
        reply.to_bytes()
    }

    fn content(&mut self, request: &Request) -> Option<Node> {
        let call = &request.call;
        let class = |resource: &ResourceUri, properties: &str| Some(instance(resource, properties));
        let returned = |outputs: Vec<Node>| Some(method_reply(call, outputs, 0));
        let output = |name: &'static str, text: &str| Node::leaf(call.resource.as_str().to_owned(), name, text);
        match (&call.operation, &*call.to_string()) {
            (Operation::Enumerate, _) => {
                self.pages = self.items(&call.resource).into();
                Some(enumerate_reply(&EnumerationContext("0".into())))
            }
            (Operation::Pull(_), _) => {
                let items: Vec<_> = self.pages.drain(..self.page.min(self.pages.len())).collect();
                let next = EnumerationContext(self.pages.len().to_string());
                Some(pull_reply(items, (!self.pages.is_empty()).then_some(&next)))
            }
            (Operation::Put(instance), _) => Some(instance.clone()),
            (Operation::Create(_), _) => {
                Some(created_reply(&Reference::new(call.resource.clone(), [Selector::instance_id("x")])))
            }
            (_, "AMT_GeneralSettings.Get") => {
                class(&general_settings::RESOURCE, &format!("<g:DigestRealm>{REALM}</g:DigestRealm>"))
            }
            (_, "IPS_HostBasedSetupService.Get") => class(
                &host_based_setup::RESOURCE,
                &format!(
                    "<g:AllowedControlModes>2</g:AllowedControlModes><g:CertChainStatus>0</g:CertChainStatus>\
                     <g:ConfigurationNonce>{}</g:ConfigurationNonce><g:CurrentControlMode>1</g:CurrentControlMode>",
                    STANDARD.encode(NONCE)
                ),
            ),
            (_, "AMT_SetupAndConfigurationService.Get") => {
                class(&setup_and_configuration::RESOURCE, "<g:ProvisioningState>2</g:ProvisioningState>")
            }
            (_, "AMT_SetupAndConfigurationService.GetUuid") => {
                let uuid: amt_provision_fsm::identity::Uuid = UUID.parse().unwrap();
                returned(vec![output("UUID", &STANDARD.encode(uuid.to_guid()))])
            }
            (_, "AMT_TimeSynchronizationService.GetLowAccuracyTimeSynch") => {
                returned(vec![output("Ta0", &DEVICE_CLOCK.to_string())])
            }
            (_, "AMT_PublicKeyManagementService.GenerateKeyPair") => {
                let made = key_pair::reference(&KeyHandle("Intel(r) AMT Key: Handle: 0".into()));
                returned(vec![made.write_into(call.resource.element("KeyPair"))])
            }
            (_, "AMT_PublicKeyManagementService.AddCertificate") => {
                let made = certificate::reference(&CertificateHandle("Intel(r) AMT Certificate: Handle: 0".into()));
                returned(vec![made.write_into(call.resource.element("CreatedCertificate"))])
            }
            (Operation::Invoke { .. }, _) => returned(Vec::new()),
            (operation, name) => panic!("{name}: {operation:?}"),
        }
    }

    fn items(&self, resource: &ResourceUri) -> Vec<Node> {
        let numbered = |list: &[Vec<u8>], property: &str, kind: &str| -> Vec<Node> {
            let item = |(n, der): (usize, &Vec<u8>)| {
                let der = STANDARD.encode(der);
                let id = format!("Intel(r) AMT {kind}: Handle: {n}");
                instance(resource, &format!("<g:{property}>{der}</g:{property}><g:InstanceID>{id}</g:InstanceID>"))
            };
            list.iter().enumerate().map(item).collect()
        };
        match resource.class() {
            "AMT_PublicPrivateKeyPair" => numbered(&self.keys, "DERKey", "Key"),
            "AMT_PublicKeyCertificate" => numbered(&self.certificates, "X509Certificate", "Certificate"),
            "AMT_TLSCredentialContext" => {
                let context = |n: usize| {
                    let id = format!("Intel(r) AMT Certificate: Handle: {n}");
                    let shown = certificate::reference(&CertificateHandle(id));
                    let collection = Reference::new(
                        tls_credential_context::COLLECTION,
                        [Selector::text("ElementName", "TLSProtocolEndpoint Instances Collection")],
                    );
                    tls_credential_context::RESOURCE
                        .instance()
                        .with(shown.write_into(resource.element("ElementInContext")))
                        .with(collection.write_into(resource.element("ElementProvidingContext")))
                };
                self.bound.into_iter().map(context).collect()
            }
            "AMT_TLSSettingData" => [(tls_setting_data::REMOTE, "true"), (tls_setting_data::LOCAL, "false")]
                .map(|(id, enabled)| {
                    let properties = format!(
                        "<g:AcceptNonSecureConnections>true</g:AcceptNonSecureConnections><g:ElementName>{id}\
                         </g:ElementName><g:Enabled>{enabled}</g:Enabled><g:InstanceID>{id}</g:InstanceID>\
                         <g:MutualAuthentication>false</g:MutualAuthentication>"
                    );
                    instance(resource, &properties)
                })
                .into(),
            other => panic!("{other}"),
        }
    }
}

pub(super) fn realm() -> DigestRealm {
    REALM.parse().unwrap()
}

/// What a call carries.
pub(super) fn body(call: &Call) -> &Node {
    match &call.operation {
        Operation::Put(body) | Operation::Create(body) | Operation::Invoke { input: body, .. } => body,
        other => panic!("{other:?}"),
    }
}

/// A whole reply with that body and nothing else to it.
pub(super) fn http(status: u16, body: &str) -> Vec<u8> {
    let framing = Framing::ContentLength;
    let body = body.as_bytes().to_vec();
    DeviceResponse { status, fields: Vec::new(), body, framing, connection: Connection::KeepAlive }.to_bytes()
}

fn instance(resource: &ResourceUri, properties: &str) -> Node {
    let class = resource.class();
    let text =
        format!("<g:{class} xmlns:g='{resource}' xmlns:b='{ADDRESSING}' xmlns:c='{WSMAN}'>{properties}</g:{class}>");
    xml::read(text.as_bytes(), xml::Limits::DEFAULT).unwrap()
}
