//! TLS settings.

use super::*;

fn tls(id: &str, more: &str) -> Node {
    let properties = format!(
        "<g:AcceptNonSecureConnections>true</g:AcceptNonSecureConnections><g:ElementName>{id}</g:ElementName>\
         <g:Enabled>false</g:Enabled><g:InstanceID>{id}</g:InstanceID><g:MutualAuthentication>false\
         </g:MutualAuthentication>{more}"
    );
    instance(&tls_setting_data::RESOURCE, &properties)
}

/// The properties of the instance that is put, and the selector.
fn put_properties(query: &Query<()>) -> (Vec<(String, String)>, Selector) {
    let Call { operation: Operation::Put(instance), selectors, .. } = asked(query).call else { panic!() };
    let properties = instance.children().iter();
    let properties = properties.map(|node| (node.name().local.to_string(), node.text().to_owned())).collect();
    (properties, selectors[0].clone())
}

#[test]
fn tls_settings_are_told_by_their_id_and_keep_what_is_not_known() {
    // The other order than devices have, and one interface more.
    let items = [
        tls(tls_setting_data::LOCAL, ""),
        tls("Intel(r) AMT Wi-Fi TLS Settings", ""),
        tls(tls_setting_data::REMOTE, "<g:New>x</g:New><g:TrustedCN>a</g:TrustedCN><g:TrustedCN>b</g:TrustedCN>"),
    ];
    let settings = one_page(tls_setting_data::list(), items).unwrap();
    let [TlsSettings::Local(local), TlsSettings::Remote(remote)] = settings.as_slice() else { panic!("{settings:?}") };
    assert!(!remote.enabled && remote.accepts_plain && remote.plain_is_configurable);
    assert_eq!(remote.trusted_names, ["a", "b"]);

    let (properties, selector) = put_properties(&tls_setting_data::put_local(local));
    assert_eq!(selector, Selector::instance_id(tls_setting_data::LOCAL));
    let expected = [
        ("AcceptNonSecureConnections", "true"),
        ("ElementName", tls_setting_data::LOCAL),
        ("Enabled", "true"),
        ("InstanceID", tls_setting_data::LOCAL),
        ("MutualAuthentication", "false"),
    ];
    assert_eq!(properties, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let get = |properties: &[(String, String)], name: &str| -> Vec<String> {
        properties.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    };
    let mode = RemoteMode { plain: PlainText::Refused, clients: Clients::Any };
    let (properties, selector) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert_eq!(selector, Selector::instance_id(tls_setting_data::REMOTE));
    assert_eq!(get(&properties, "AcceptNonSecureConnections"), ["false"]);
    assert_eq!((get(&properties, "Enabled"), get(&properties, "New")), (vec!["true".into()], vec!["x".into()]));
    assert!(get(&properties, "TrustedCN").is_empty());

    let clients = Clients::WithCertificate(vec!["c".into(), "d".into()]);
    let mode = RemoteMode { plain: PlainText::Accepted, clients };
    let (properties, _) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert_eq!(get(&properties, "AcceptNonSecureConnections"), ["true"]);
    assert_eq!(get(&properties, "MutualAuthentication"), ["true"]);
    assert_eq!(get(&properties, "TrustedCN"), ["c", "d"]);
}

#[test]
fn plain_text_is_left_alone_where_the_firmware_has_none() {
    let item =
        tls(tls_setting_data::REMOTE, "<g:NonSecureConnectionsSupported>false</g:NonSecureConnectionsSupported>");
    let settings = one_page(tls_setting_data::list(), [item]).unwrap();
    let [TlsSettings::Remote(remote)] = settings.as_slice() else { panic!() };
    let mode = RemoteMode { plain: PlainText::Refused, clients: Clients::Any };
    let (properties, _) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert!(properties.contains(&("AcceptNonSecureConnections".to_owned(), "true".to_owned())), "as it was read");
}
