//! The steps of RPS's sequences (rps.md §2), as far as the simulated device has the classes for them.

use amt_provision::fsm::firmware::KeySuite;
use amt_provision::fsm::identity::SpkiHash;
use amt_provision::http::digest::{DigestRealm, Ha1};
use amt_provision::pki::authority::{DeviceKey, Serial};
use amt_provision::simulator::provisioning::ProvisioningChain;
use amt_provision::wsman::class::host_based_setup::{self, ChainPosition, SigningAlgorithm};
use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode, TlsSettings};
use amt_provision::wsman::class::*;
use amt_provision::wsman::envelope::write_request;
use amt_provision::wsman::{Call, Operation, Parameter, ResourceUri};
use base64::Engine;
use zeroize::Zeroizing;

use super::rps::Rps;
use super::stage::{ADMIN, MEBX, Stage};

const OUR_NONCE: [u8; 20] = [9; 20];

impl Rps {
    /// The first call goes without a login, and is refused with a challenge.
    pub(crate) async fn begins_as_the_local_system_account(&mut self) {
        self.reads_general_settings().await;
    }

    pub(crate) async fn reads_general_settings(&mut self) -> DigestRealm {
        self.asks(&general_settings::get()).await.digest_realm
    }

    pub(crate) async fn sets_up_ccm(&mut self) {
        let ha1 = Ha1::new("admin", &self.reads_general_settings().await, ADMIN);
        assert_eq!(self.asks(&host_based_setup::setup(&ha1)).await, Ok(()));
        self.logs_in("admin", ADMIN);
    }

    pub(crate) async fn loses_the_reply_to_setup(&mut self) {
        let ha1 = Ha1::new("admin", &self.reads_general_settings().await, ADMIN);
        let id = self.next_id();
        let envelope = host_based_setup::setup(&ha1).to_request(id);
        assert!(self.exchange(&envelope).await.is_none(), "one connection_reset, and no reply");
        self.logs_in("admin", ADMIN);
    }

    async fn shows_chain(&mut self, chain: &ProvisioningChain) -> [u8; 20] {
        let nonce = self.asks(&host_based_setup::get()).await.configuration_nonce.expect("a nonce");
        let last = chain.certificates().len() - 1;
        for (at, certificate) in chain.certificates().iter().enumerate() {
            let position = match at {
                0 => ChainPosition::Leaf,
                at if at == last => ChainPosition::Root,
                _ => ChainPosition::Intermediate,
            };
            assert_eq!(self.asks(&host_based_setup::add_next_certificate(certificate, position)).await, Ok(()));
        }
        nonce
    }

    /// `AdminSetup`: from nothing to ACM, in plain text, where the firmware still has it.
    pub(crate) async fn sets_up_acm(&mut self, chain: &ProvisioningChain) {
        let ha1 = Ha1::new("admin", &self.reads_general_settings().await, ADMIN);
        let nonce = self.shows_chain(chain).await;
        let signature = chain.sign(&nonce, &OUR_NONCE).unwrap();
        let base64 = |bytes: &[u8]| Parameter::from(base64::prelude::BASE64_STANDARD.encode(bytes).as_str());
        let call = Call::invoke(
            host_based_setup::RESOURCE,
            "AdminSetup",
            [
                ("NetAdminPassEncryptionType", Parameter::from(2)),
                ("NetworkAdminPassword", Parameter::Text(ha1.to_hex())),
                ("McNonce", base64(&OUR_NONCE)),
                ("SigningAlgorithm", Parameter::from(SigningAlgorithm::RsaSha256.code())),
                ("DigitalSignature", base64(&signature)),
            ],
        );
        let id = self.next_id();
        let response = self.exchange(&write_request(&call, id)).await.expect("a reply");
        let body = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.status == 200 && body.contains("ReturnValue>0<"), "{body}");
        self.logs_in("admin", ADMIN);
    }

    /// The upgrade takes the ports away, so the next call needs a new tunnel.
    pub(crate) async fn upgrades_to_acm(&mut self, chain: &ProvisioningChain) {
        let nonce = self.shows_chain(chain).await;
        let signature = chain.sign(&nonce, &OUR_NONCE).unwrap();
        let upgrade = host_based_setup::upgrade_client_to_admin(&OUR_NONCE, SigningAlgorithm::RsaSha256, &signature);
        assert_eq!(self.asks(&upgrade).await, Ok(()));
        self.waits(super::rps::Wait::Tls).await;
        self.opens_tunnel().await;
    }

    pub(crate) async fn changes_admin_password(&mut self, password: &str) {
        let ha1 = Ha1::new("admin", &self.reads_general_settings().await, password);
        assert_eq!(self.asks(&authorization::set_admin_acl_entry_ex(&ha1)).await, Ok(()));
    }

    pub(crate) async fn sets_mebx_password(&mut self) {
        let password = Zeroizing::new(MEBX.to_owned());
        assert_eq!(self.asks(&setup_and_configuration::set_mebx_password(&password)).await, Ok(()));
    }

    pub(crate) async fn commits(&mut self) {
        assert_eq!(self.asks(&setup_and_configuration::commit_changes()).await, Ok(()));
    }

    /// TLSPROV: the device's own key pair, a certificate of RPS's over it, the TLS settings, and the commit.
    pub(crate) async fn provisions_tls(&mut self, stage: &Stage) -> SpkiHash {
        self.lists(certificate::list()).await;
        let suite = KeySuite::Rsa2048Sha256;
        let handle = self.asks(&public_key_management::generate_key_pair(suite)).await.unwrap();
        let pairs = self.lists(key_pair::list()).await;
        let pair = pairs.iter().find(|pair| pair.handle == handle).expect("the new pair");
        let key = DeviceKey::from_der_key(suite, &pair.der_key).unwrap();
        let leaf = stage.mps.issue(stage.uuid(), &key, Serial::from_random([3; 16])).unwrap();
        let leaf = self.asks(&public_key_management::add_certificate(&leaf)).await.unwrap();
        match self.lists(tls_credential_context::list()).await.first() {
            Some(current) => self.asks(&tls_credential_context::put(current, &leaf)).await,
            None => self.asks(&tls_credential_context::create(&leaf)).await,
        }
        let low = self.asks(&time_synchronization::get_low_accuracy()).await.unwrap();
        let now = time_synchronization::UnixSeconds(1_800_000_000);
        assert_eq!(self.asks(&time_synchronization::set_high_accuracy(low, now, now)).await, Ok(()));
        let settings = self.lists(tls_setting_data::list()).await;
        let mode = RemoteMode { plain: PlainText::Refused, clients: Clients::Any };
        for settings in &settings {
            match settings {
                TlsSettings::Remote(remote) => self.asks(&tls_setting_data::put_remote(remote, &mode)).await,
                TlsSettings::Local(local) => self.asks(&tls_setting_data::put_local(local)).await,
            }
        }
        self.commits().await;
        key.spki_hash()
    }

    /// UNCONFIG, as far as the simulated device goes.
    pub(crate) async fn unconfigures(&mut self) {
        self.lists(tls_setting_data::list()).await;
        self.lists(certificate::list()).await;
    }

    /// `AMT_RemoteAccessPolicyRule.Delete` on a device without rules: a 400, after which RPS makes a new tunnel.
    pub(crate) async fn deletes_what_is_not_there(&mut self) {
        let resource = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_RemoteAccessPolicyRule");
        let id = self.next_id();
        let response = self.exchange(&write_request(&Call::new(resource, Operation::Delete), id)).await;
        assert_eq!(response.expect("a reply").status, 400);
    }
}
