//! Services: one instance, methods, return values.

use super::*;

#[test]
fn general_settings_give_the_realm() {
    let query = general_settings::get();
    assert_eq!(query.call().to_string(), "AMT_GeneralSettings.Get");
    let reply = |realm: &str| {
        instance(
            &general_settings::RESOURCE,
            &format!(
                "<g:AMTNetworkEnabled>1</g:AMTNetworkEnabled><g:DigestRealm>{realm}</g:DigestRealm>\
                 <g:DomainName></g:DomainName><g:HostName>a &amp; b</g:HostName><g:New>x</g:New>"
            ),
        )
    };
    let settings = answered(&query, Some(reply("Digest:F3EB554784E729164447A89F60B641C5"))).unwrap();
    assert_eq!(settings.digest_realm.to_string(), "Digest:F3EB554784E729164447A89F60B641C5");
    assert_eq!((settings.network_enabled, settings.domain_name), (Some(true), None));
    assert_eq!((settings.host_name.as_deref(), settings.shared_fqdn), (Some("a & b"), None));
    assert_eq!(settings.instance.property("New").map(Node::text), Some("x"));

    let Err(ReplyError::Unexpected(error)) = answered(&query, Some(reply("Digest:F3"))) else { panic!() };
    assert_eq!(
        error.to_string(),
        "AMT_GeneralSettings.DigestRealm: expected Digest: and 32 hexadecimal digits, got Digest:F3"
    );
    assert!(matches!(answered(&query, None), Err(ReplyError::Unexpected(_))));
    let other = instance(&key_pair::RESOURCE, "");
    assert!(matches!(answered(&query, Some(other)), Err(ReplyError::Unexpected(_))), "another class");
}

#[test]
fn the_provisioning_state_and_the_uuid_are_typed() {
    let get = |state: u32| {
        let properties = format!(
            "<g:ProvisioningMode>4</g:ProvisioningMode><g:ProvisioningState> {state}\n</g:ProvisioningState>\
             <g:TrustedDNSSuffix>example.org</g:TrustedDNSSuffix>"
        );
        answered(&setup_and_configuration::get(), Some(instance(&setup_and_configuration::RESOURCE, &properties)))
    };
    let service = get(2).unwrap();
    assert_eq!(service.provisioning_state, ProvisioningState::Post);
    assert_eq!((service.provisioning_mode, service.trusted_dns_suffix.as_deref()), (Some(4), Some("example.org")));
    assert!(get(3).is_err(), "no such state");

    let query = setup_and_configuration::get_uuid();
    let uuid = |base64: &str| {
        let mut uuid = query.call().resource.element("UUID");
        uuid.set_text(base64);
        [uuid]
    };
    // 4c4c4544-0044-4b10-8034-b7c04f4e3332, its first three fields turned round.
    let answer = returns(&query, uuid("REVMTEQAEEuANLfAT04zMg=="), 0).unwrap().unwrap();
    assert_eq!(answer.to_string(), "4c4c4544-0044-4b10-8034-b7c04f4e3332");
    assert!(returns(&query, uuid("AAAAAAAAAAAAAAAAAAAAAA=="), 0).is_err(), "a placeholder");
    assert!(returns(&query, uuid("AAAA"), 0).is_err(), "too short");
    assert_eq!(returns(&query, [], 16).unwrap(), Err(PtStatus::NotPermitted));
}

#[test]
fn commit_mebx_and_unprovision_say_what_they_were_refused_for() {
    let commit = setup_and_configuration::commit_changes();
    assert_eq!(body(&commit), "<CommitChanges_INPUT></CommitChanges_INPUT>");
    assert_eq!(returns(&commit, [], 0).unwrap(), Ok(()));
    assert_eq!(returns(&commit, [], 2057).unwrap(), Err(PtStatus::DataMissing));
    let no_value = commit.call().resource.element("CommitChanges_OUTPUT");
    assert!(matches!(answered(&commit, Some(no_value)), Err(ReplyError::Unexpected(_))));

    let mebx = setup_and_configuration::set_mebx_password(&Zeroizing::new("P<&>1\"'x".to_owned()));
    assert!(body(&mebx).contains("<Password>P&lt;&amp;&gt;1&quot;&apos;x</Password>"));
    let Operation::Invoke { input, .. } = asked(&mebx).call.operation else { panic!() };
    assert_eq!(input.property("Password").map(Node::text), Some("P<&>1\"'x"));
    assert!(!format!("{mebx:?} {:?}", mebx.call()).contains("P<"), "nothing prints it");
    assert_eq!(returns(&mebx, [], 2054).unwrap(), Err(PtStatus::InvalidPassword));

    let unprovision = setup_and_configuration::unprovision();
    assert_eq!(body(&unprovision), "<Unprovision_INPUT><ProvisioningMode>1</ProvisioningMode></Unprovision_INPUT>");
    assert_eq!(returns(&unprovision, [], 2076).unwrap(), Err(PtStatus::BlockingComponent));
}

#[test]
fn host_based_setup_gives_mode_chain_and_nonce() {
    let get =
        |properties: &str| answered(&host_based_setup::get(), Some(instance(&host_based_setup::RESOURCE, properties)));
    let service = get(
        "<g:AllowedControlModes>2</g:AllowedControlModes><g:AllowedControlModes>1</g:AllowedControlModes>\
         <g:CertChainStatus>1</g:CertChainStatus><g:ConfigurationNonce>AAECAwQFBgcICQoLDA0ODxAREhM=</g:ConfigurationNonce>\
         <g:CurrentControlMode>1</g:CurrentControlMode>",
    )
    .unwrap();
    assert_eq!(service.current_control_mode, ControlMode::Client);
    assert_eq!(service.allowed_control_modes, [ControlMode::Admin, ControlMode::Client]);
    assert_eq!(service.chain, ChainProgress::InProgress);
    assert_eq!(service.configuration_nonce, Some(core::array::from_fn(|n| n as u8)));
    let bare = "<g:CertChainStatus>0</g:CertChainStatus><g:CurrentControlMode>0</g:CurrentControlMode>";
    assert_eq!(get(bare).unwrap().configuration_nonce, None);
    assert!(get(&bare.replace(">0</g:Cur", ">4</g:Cur")).is_err());
    assert!(get(&bare.replace(">0</g:Cert", ">x</g:Cert")).is_err());
    assert!(get(&format!("{bare}<g:ConfigurationNonce>AAAA</g:ConfigurationNonce>")).is_err());
}

#[test]
fn the_way_to_acm_is_asked_for_in_the_documented_order() {
    let ha1 = Ha1::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    let setup = host_based_setup::setup(&ha1);
    assert_eq!(
        body(&setup),
        "<Setup_INPUT><NetAdminPassEncryptionType>2</NetAdminPassEncryptionType>\
         <NetworkAdminPassword>000102030405060708090a0b0c0d0e0f</NetworkAdminPassword></Setup_INPUT>"
    );
    assert_eq!(returns(&setup, [], 0).unwrap(), Ok(()));
    assert_eq!(returns(&setup, [], 6).unwrap(), Err(SetupStatus::FlashWriteLimitExceeded));

    let flags = [
        (ChainPosition::Leaf, "true", "false"),
        (ChainPosition::Intermediate, "false", "false"),
        (ChainPosition::Root, "false", "true"),
    ];
    for (position, leaf, root) in flags {
        let add = host_based_setup::add_next_certificate(&[1; 4], position);
        assert_eq!(
            body(&add),
            format!(
                "<AddNextCertInChain_INPUT><NextCertificate>AQEBAQ==</NextCertificate><IsLeafCertificate>{leaf}\
                 </IsLeafCertificate><IsRootCertificate>{root}</IsRootCertificate></AddNextCertInChain_INPUT>"
            )
        );
        assert_eq!(returns(&add, [], 4).unwrap(), Err(ChainStatus::VerifyFailed));
    }

    assert_eq!(SigningAlgorithm::from(KeySuite::EcP384Sha384), SigningAlgorithm::RsaSha384);
    let upgrade = host_based_setup::upgrade_client_to_admin(&[0; 20], KeySuite::Rsa2048Sha256.into(), &[255; 3]);
    assert_eq!(
        body(&upgrade),
        "<UpgradeClientToAdmin_INPUT><McNonce>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</McNonce><SigningAlgorithm>2\
         </SigningAlgorithm><DigitalSignature>////</DigitalSignature></UpgradeClientToAdmin_INPUT>"
    );
    assert_eq!(returns(&upgrade, [], 5).unwrap(), Err(SetupStatus::AuthenticationFailed));

    let password = authorization::set_admin_acl_entry_ex(&ha1);
    assert_eq!(
        body(&password),
        "<SetAdminAclEntryEx_INPUT><Username>admin</Username><DigestPassword>AAECAwQFBgcICQoLDA0ODw==\
         </DigestPassword></SetAdminAclEntryEx_INPUT>"
    );
    assert_eq!(returns(&password, [], 2075).unwrap(), Err(PtStatus::AuditFail));
}

#[test]
fn the_clock_counts_past_2038() {
    let get = time_synchronization::get_low_accuracy();
    let mut ta0 = time_synchronization::RESOURCE.element("Ta0");
    ta0.set_text("2208988800");
    let time = returns(&get, [ta0], 0).unwrap().unwrap();
    assert_eq!(time, UnixSeconds(2_208_988_800));
    let set = time_synchronization::set_high_accuracy(time, UnixSeconds(5), UnixSeconds(6));
    assert_eq!(
        body(&set),
        "<SetHighAccuracyTimeSynch_INPUT><Ta0>2208988800</Ta0><Tm1>5</Tm1><Tm2>6</Tm2></SetHighAccuracyTimeSynch_INPUT>"
    );
    assert_eq!(returns(&set, [], 36).unwrap(), Err(PtStatus::InvalidParameter));
}

proptest! {
    #[test]
    fn any_time_and_any_status_of_a_device_arrive(seconds: u32, status in 1_u32..) {
        let query = time_synchronization::get_low_accuracy();
        let now = Node::leaf(time_synchronization::RESOURCE.as_str().to_owned(), "Ta0", &seconds.to_string());
        prop_assert_eq!(returns(&query, [now.clone()], 0), Ok(Ok(UnixSeconds(seconds))));
        prop_assert_eq!(returns(&query, [now], status), Ok(Err(PtStatus::from_code(status).unwrap())));
    }

    #[test]
    fn any_password_reaches_the_device(password in "[ -~]{1,32}") {
        let query = setup_and_configuration::set_mebx_password(&Zeroizing::new(password.clone()));
        let Operation::Invoke { input, .. } = asked(&query).call.operation else { panic!() };
        prop_assert_eq!(input.property("Password").map(Node::text), Some(password.as_str()));
    }
}
