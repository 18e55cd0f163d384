//! Keys, certificates, and what binds them.

use super::*;

#[test]
fn new_keys_and_certificates_are_known_by_the_returned_reference() {
    let generate = public_key_management::generate_key_pair(KeySuite::Rsa2048Sha256);
    assert!(body(&generate).contains("<KeyAlgorithm>0</KeyAlgorithm><KeyLength>2048</KeyLength>"));
    let ec = public_key_management::generate_key_pair(KeySuite::EcP384Sha384);
    assert!(body(&ec).contains("<KeyAlgorithm>1</KeyAlgorithm><KeyLength>384</KeyLength>"));

    let key = KeyHandle("Intel(r) AMT Key: Handle: 0".into());
    let output = |reference: Reference, name: &'static str| {
        [reference.write_into(public_key_management::RESOURCE.element(name))]
    };
    assert_eq!(returns(&generate, output(key_pair::reference(&key), "KeyPair"), 0).unwrap(), Ok(key.clone()));
    assert_eq!(returns(&generate, [], 23).unwrap(), Err(PtStatus::MaxLimitReached));
    assert!(returns(&generate, [], 0).is_err(), "success without a reference");
    let elsewhere = certificate::reference(&CertificateHandle("x".into()));
    assert!(returns(&generate, output(elsewhere, "KeyPair"), 0).is_err(), "a reference to another class");

    let add = public_key_management::add_certificate(b"\x30\x00");
    assert_eq!(body(&add), "<AddCertificate_INPUT><CertificateBlob>MAA=</CertificateBlob></AddCertificate_INPUT>");
    let certificate = CertificateHandle("Intel(r) AMT Certificate: Handle: 1".into());
    let created = output(certificate::reference(&certificate), "CreatedCertificate");
    assert_eq!(returns(&add, created, 0).unwrap(), Ok(certificate));
    assert_eq!(returns(&add, [], 2058).unwrap(), Err(PtStatus::Duplicate));
}

#[test]
fn keys_certificates_and_their_bindings_are_listed() {
    let pair = KeyPair { handle: KeyHandle("Intel(r) AMT Key: Handle: 3".into()), der_key: vec![0x30, 0] };
    assert_eq!(one_page(key_pair::list(), [key(3)]).unwrap(), core::slice::from_ref(&pair));
    assert_eq!(one_page(key_pair::list(), []).unwrap(), []);

    let text = "<g:InstanceID>c</g:InstanceID><g:TrustedRootCertficate>true</g:TrustedRootCertficate>\
                <g:X509Certificate>MA\n  A=</g:X509Certificate>";
    let certificate = CertificateHandle("c".into());
    assert_eq!(
        one_page(certificate::list(), [instance(&certificate::RESOURCE, text)]).unwrap(),
        [Certificate { handle: certificate.clone(), der: vec![0x30, 0], trusted_root: true, read_only: false }]
    );
    let broken = instance(&certificate::RESOURCE, &text.replace("MA\n", "M!\n"));
    assert!(one_page(certificate::list(), [broken]).is_err());

    let row = |antecedent: &Reference, dependent: &Reference| {
        let row = concrete_dependency::RESOURCE.instance();
        row.with(antecedent.write_into(concrete_dependency::RESOURCE.element("Antecedent")))
            .with(dependent.write_into(concrete_dependency::RESOURCE.element("Dependent")))
    };
    let identity = Reference::new(general_settings::RESOURCE, [Selector::instance_id("x")]);
    let shown = certificate::reference(&certificate);
    let rows = [row(&identity, &identity), row(&shown, &key_pair::reference(&pair.handle)), row(&shown, &identity)];
    let bindings = one_page(concrete_dependency::list(), rows).unwrap();
    assert_eq!(bindings, [concrete_dependency::KeyBinding { certificate, key: pair.handle }]);
}

#[test]
fn the_credential_context_is_created_or_replaced() {
    let certificate = CertificateHandle("Intel(r) AMT Certificate: Handle: 1".into());
    let create = tls_credential_context::create(&certificate);
    let request = asked(&create).call;
    assert!(request.selectors.is_empty());
    let Operation::Create(new) = request.operation else { panic!() };
    let shown = Reference::read(new.property("ElementInContext").unwrap()).unwrap();
    assert_eq!((shown.address.as_ref(), shown.resource), ("/wsman", certificate::RESOURCE));
    let endpoints = Reference::read(new.property("ElementProvidingContext").unwrap()).unwrap();
    assert_eq!(endpoints.selector("ElementName"), Some(tls_credential_context::COLLECTION_NAME));

    let created = Reference::new(
        tls_credential_context::RESOURCE,
        [Selector {
            name: "ElementInContext".into(),
            value: SelectorValue::Reference(Box::new(certificate::reference(&certificate))),
        }],
    );
    assert_eq!(answered(&create, Some(created_reply(&created))), Ok(()));
    assert!(answered(&create, None).is_err());
    let fault = Fault::new(FaultKind::AlreadyExists);
    let reply = write_fault(Some("7"), DeviceMessageId(1), &fault);
    let result = create.read_reply(400, reply.as_bytes(), ID, Limits::DEFAULT);
    assert_eq!(result, Err(ReplyError::Fault(Box::new(fault))));

    let stored = new.with_property("Unknown", "stays");
    let contexts = one_page(tls_credential_context::list(), [stored]).unwrap();
    assert_eq!(contexts[0].certificate, certificate);
    let other = CertificateHandle("Intel(r) AMT Certificate: Handle: 2".into());
    let put = tls_credential_context::put(&contexts[0], &other);
    let call = asked(&put).call;
    assert!(call.selectors.is_empty());
    let Operation::Put(instance) = call.operation else { panic!() };
    let shown = Reference::read(instance.property("ElementInContext").unwrap()).unwrap();
    assert_eq!(certificate::named_by(&shown), Some(other));
    assert_eq!(instance.property("Unknown").map(Node::text), Some("stays"));
    assert_eq!(instance.children().len(), 3);
    assert_eq!((answered(&put, None), answered(&put, Some(instance))), (Ok(()), Ok(())));
}
