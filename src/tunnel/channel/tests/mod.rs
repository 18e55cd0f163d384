//! The channel against a device in memory that is made of the device-side halves of `http` and `wsman`.

mod device;
mod hostile;
mod logins;
mod reopening;
mod requests;
mod tls;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::record::PasswordId;
use amt_provision_fsm::request::{Login, Refusal, Reply, Request, RequestId};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::GetRandomFailed;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::*;
use crate::password::Password;
use crate::secret::Secret;
use crate::simulator::identity::generate_rsa_key;
use crate::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
use device::Device;

const ID: RequestId = RequestId(7);
const ADMIN: Login = Login::Admin(PasswordId(1));
const NOW: u32 = 1_800_000_000;

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW.into()))
}

/// The same bytes each time.
struct Scripted;

impl Entropy for Scripted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        bytes.fill(3);
        Ok(())
    }
}

/// A source that fails after so many draws.
struct RunsDry(AtomicUsize);

impl Entropy for RunsDry {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        bytes.fill(3);
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| GetRandomFailed)
    }
}

struct Passwords {
    admin: Vec<Password>,
    mebx: Password,
    local_system: Secret,
}

impl Passwords {
    fn new() -> Self {
        let admin = ["P@ssw0rd0", "P@ssw0rd1", "P@ssw0rd2"].map(|text| text.parse().unwrap());
        Self {
            admin: admin.into(),
            mebx: "M&bx<P@ss1".parse().unwrap(),
            local_system: Secret::from("osadmin-secret".to_owned()),
        }
    }
}

impl Credentials for Passwords {
    fn admin_password(&self, id: PasswordId) -> Option<&Password> {
        self.admin.get(usize::from(id.0))
    }

    fn mebx_password(&self, id: PasswordId) -> Option<&Password> {
        (id == PasswordId(0)).then_some(&self.mebx)
    }

    fn local_system(&self) -> Option<LocalSystem<'_>> {
        Some(LocalSystem { username: "$$OsAdmin", password: &self.local_system })
    }
}

/// Leaf, intermediate and root, and the leaf's key.
struct Issued {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Issued {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let named = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let [leaf, middle, root] = [(); 3].map(|()| generate_rsa_key().unwrap());
    let (middle_params, root_params) = (named("intermediate"), named("root"));
    let by_root = rcgen::Issuer::from_params(&root_params, &root);
    let by_middle = rcgen::Issuer::from_params(&middle_params, &middle);
    let chain = vec![
        named("amt.example.com").signed_by(&leaf, &by_middle).unwrap().der().clone(),
        middle_params.signed_by(&middle, &by_root).unwrap().der().clone(),
        root_params.self_signed(&root).unwrap().der().clone(),
    ];
    Issued { chain, key: leaf }
});

static PROVISIONING: LazyLock<Arc<ProvisioningCertificate>> =
    LazyLock::new(|| Arc::new(ProvisioningCertificate::new(ISSUED.chain.clone(), &ISSUED.key()).unwrap()));

fn settings() -> Settings {
    Settings {
        device: device::UUID.parse().unwrap(),
        suite: KeySuite::Rsa2048Sha256,
        remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
        entropy: Arc::new(Scripted),
        provisioning: Some(Arc::clone(&*PROVISIONING) as Arc<dyn ProvisioningIdentity>),
    }
}

fn plain() -> Channel {
    Channel::plain(settings(), Remembered::default(), Carriage::Kept)
}

/// Asks over plain text, lets the device answer everything, over new connections where the channel wants them, and
/// takes the other events.
fn ask_as(login: Login, channel: &mut Channel, device: &mut Device, request: Request) -> Vec<Event> {
    channel.ask(ID, login, request, &Passwords::new()).unwrap();
    let mut others = Vec::new();
    loop {
        device.converse(channel);
        match channel.poll_event() {
            Some(Event::Reopen) => {
                device.reconnect();
                channel.reopened(now());
            }
            Some(other) => others.push(other),
            None => return others,
        }
    }
}

fn ask(channel: &mut Channel, device: &mut Device, request: Request) -> Vec<Event> {
    ask_as(ADMIN, channel, device, request)
}

fn events(channel: &mut Channel) -> Vec<Event> {
    std::iter::from_fn(|| channel.poll_event()).collect()
}

/// The one reply of a request that kept its connection.
fn reply(channel: &mut Channel, device: &mut Device, request: Request) -> Reply {
    match <[Event; 1]>::try_from(ask(channel, device, request)) {
        Ok([Event::Reply(ID, reply)]) => reply,
        other => panic!("{other:?}"),
    }
}

fn refusal(channel: &mut Channel, device: &mut Device, request: Request) -> Refusal {
    match reply(channel, device, request) {
        Reply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}
