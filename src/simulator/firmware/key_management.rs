//! The calls that change the stores (wsman.md §2.6, §2.7).

use amt_provision_fsm::firmware::KeySuite;

use super::instance::{Instance, bytes, number, output_reference};
use super::refusal::{Invoked, Written, bad_instance, no_such_instance, not_permitted};
use super::store::{CertificateHandle, KeyHandle, Purpose, endpoint_collection};
use super::{Class, Firmware};
use crate::wsman::envelope::{Fault, FaultKind, created_reply};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;
use crate::wsman::{Reference, Selector, SelectorValue};

impl Firmware {
    pub(super) fn public_key_management_service(&self) -> Node {
        let (name, element) = ("Intel(r) AMT Public Key Management Service", "Intel(r) AMT Certificate Store Service");
        Instance::service(Class::PublicKeyManagementService, element, name)
            .with("EnabledState", 5)
            .with("RequestedState", 12)
            .finish()
    }

    pub(super) fn generate_key_pair(&mut self, input: &Node) -> Invoked {
        let suite = self.generation.suite();
        let expected = match suite {
            KeySuite::Rsa2048Sha256 => (0, 2048),
            KeySuite::EcP384Sha384 => (1, 384),
        };
        match (number(input, "KeyAlgorithm"), number(input, "KeyLength")) {
            (Some(algorithm), Some(length)) if (algorithm, length) == expected => {}
            (Some(_), Some(_)) => return Err(PtStatus::Unsupported.into()),
            _ => return Err(PtStatus::InvalidParameter.into()),
        }
        if self.store.is_full_of_keys() {
            return Err(PtStatus::MaxLimitReached.into());
        }
        let key = self.keys.take(suite).map_err(|_| PtStatus::InternalError)?;
        let handle = self.store.add_key(key);
        self.counters.keys_generated += 1;
        Ok(vec![output_reference(Class::PublicKeyManagementService, "KeyPair", &handle.reference())])
    }

    pub(super) fn add_certificate(&mut self, input: &Node) -> Invoked {
        self.store_certificate(input, Purpose::Own)
    }

    pub(super) fn add_trusted_root_certificate(&mut self, input: &Node) -> Invoked {
        if self.tls.remote.mutual || self.tls.local.mutual {
            return Err(PtStatus::NotPermitted.into());
        }
        self.store_certificate(input, Purpose::TrustedRoot)
    }

    fn store_certificate(&mut self, input: &Node, purpose: Purpose) -> Invoked {
        let der = bytes(input, "CertificateBlob").ok_or(PtStatus::InvalidParameter)?;
        let handle = self.store.add_certificate(der, purpose)?;
        self.counters.certificates_added += 1;
        let class = Class::PublicKeyManagementService;
        Ok(vec![output_reference(class, "CreatedCertificate", &handle.reference())])
    }

    pub(super) fn create_credential_context(&mut self, instance: &Node) -> Written {
        if self.store.bound().is_some() {
            return Err(Fault::new(FaultKind::AlreadyExists));
        }
        let certificate = self.bind(instance)?;
        let end = |name: &'static str, reference: Reference| Selector {
            name: name.into(),
            value: SelectorValue::Reference(Box::new(reference)),
        };
        let created = Reference::new(
            Class::TlsCredentialContext.uri(),
            [end("ElementInContext", certificate.reference()), end("ElementProvidingContext", endpoint_collection())],
        );
        Ok(Some(created_reply(&created)))
    }

    /// Replaces the certificate: the only change that TLS allows while it is on (wsman.md §2.7).
    pub(super) fn put_credential_context(&mut self, instance: &Node) -> Written {
        if self.store.bound().is_none() {
            return Err(no_such_instance());
        }
        self.bind(instance)?;
        Ok(self.store.context_instances().pop())
    }

    fn bind(&mut self, instance: &Node) -> Result<CertificateHandle, Fault> {
        let end = |name| instance.property(name).and_then(|end| Reference::read(end).ok()).ok_or_else(bad_instance);
        let certificate = end("ElementInContext")?;
        let collection = end("ElementProvidingContext")?;
        let known = collection.selector("ElementName").is_some_and(|name| {
            // Both spellings are in use (wsman.md §2.7).
            matches!(name, "TLSProtocolEndpoint Instances Collection" | "TLSProtocolEndpointInstances Collection")
        });
        let handle = certificate.selector("InstanceID").and_then(CertificateHandle::of_instance_id);
        match handle {
            Some(handle)
                if known && certificate.resource == Class::PublicKeyCertificate.uri() && self.store.bind(handle) =>
            {
                Ok(handle)
            }
            _ => Err(bad_instance()),
        }
    }

    /// TLS has to be off, and committed as off, first (wsman.md §3.8).
    pub(super) fn delete_credential_context(&mut self) -> Written {
        if self.store.bound().is_none() {
            return Err(no_such_instance());
        }
        if self.tls.remote.enabled || self.tls.local.enabled {
            return Err(not_permitted());
        }
        self.store.unbind();
        Ok(None)
    }

    pub(super) fn delete_key_pair(&mut self, selectors: &[Selector]) -> Written {
        let handle = instance_id(selectors).and_then(KeyHandle::of_instance_id);
        deleted(handle.and_then(|handle| self.store.delete_key(handle)))
    }

    pub(super) fn delete_certificate(&mut self, selectors: &[Selector]) -> Written {
        let handle = instance_id(selectors).and_then(CertificateHandle::of_instance_id);
        deleted(handle.and_then(|handle| self.store.delete_certificate(handle)))
    }
}

fn instance_id(selectors: &[Selector]) -> Option<&str> {
    match selectors {
        [Selector { name, value: SelectorValue::Text(text) }] if name == "InstanceID" => Some(text.trim()),
        _ => None,
    }
}

fn deleted(outcome: Option<bool>) -> Written {
    match outcome {
        Some(true) => Ok(None),
        Some(false) => Err(not_permitted()),
        None => Err(no_such_instance()),
    }
}
