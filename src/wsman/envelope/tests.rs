//! Both ends against one another, and against what a hostile peer may write.

use proptest::prelude::*;

use super::*;
use crate::wsman::namespace::{ADDRESSING, SOAP, WSMAN};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::{Limits, Node};
use crate::wsman::{Call, EnumerationContext, Operation, Parameter, Reference, ResourceUri, Selector, SelectorValue};

const GENERAL: ResourceUri = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_GeneralSettings");
const SETUP: ResourceUri = ResourceUri::known("http://intel.com/wbem/wscim/1/ips-schema/1/IPS_HostBasedSetupService");

fn read(status: u16, body: &str, id: u64) -> Result<Option<Node>, ReplyError> {
    read_response(status, body.as_bytes(), MessageId(id), Limits::DEFAULT)
}

fn request(call: Call, id: u64) -> Request {
    read_request(write_request(&call, MessageId(id)).as_bytes(), Limits::DEFAULT).unwrap()
}

#[test]
fn a_get_is_written_as_firmware_has_always_been_sent_it() {
    let expected = concat!(
        r#"<?xml version="1.0" encoding="utf-8"?><Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" "#,
        r#"xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" "#,
        r#"xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns="http://www.w3.org/2003/05/soap-envelope">"#,
        r#"<Header><a:Action>http://schemas.xmlsoap.org/ws/2004/09/transfer/Get</a:Action><a:To>/wsman</a:To>"#,
        r#"<w:ResourceURI>http://intel.com/wbem/wscim/1/amt-schema/1/AMT_GeneralSettings</w:ResourceURI>"#,
        r#"<a:MessageID>0</a:MessageID><a:ReplyTo>"#,
        r#"<a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"#,
        r#"<w:OperationTimeout>PT60S</w:OperationTimeout></Header><Body></Body></Envelope>"#,
    );
    assert_eq!(*write_request(&Call::new(GENERAL, Operation::Get), MessageId(0)), expected);
}

#[test]
fn a_method_reply_is_written_as_devices_write_it() {
    let call = Call::invoke(SETUP, "Setup", [("NetAdminPassEncryptionType", Parameter::from(2))]);
    let request = request(call, 1);
    let text = write_response(&request, DeviceMessageId(0x32EA), Some(method_reply(&request.call, [], 0)));
    let expected = concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?><a:Envelope xmlns:a="http://www.w3.org/2003/05/soap-envelope" "#,
        r#"xmlns:b="http://schemas.xmlsoap.org/ws/2004/08/addressing" "#,
        r#"xmlns:c="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" "#,
        r#"xmlns:d="http://schemas.xmlsoap.org/ws/2005/02/trust" "#,
        r#"xmlns:e="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" "#,
        r#"xmlns:f="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" "#,
        r#"xmlns:g="http://intel.com/wbem/wscim/1/ips-schema/1/IPS_HostBasedSetupService" "#,
        r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a:Header>"#,
        r#"<b:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</b:To><b:RelatesTo>1</b:RelatesTo>"#,
        r#"<b:Action a:mustUnderstand="true">"#,
        r#"http://intel.com/wbem/wscim/1/ips-schema/1/IPS_HostBasedSetupService/SetupResponse</b:Action>"#,
        r#"<b:MessageID>uuid:00000000-8086-8086-8086-0000000032EA</b:MessageID>"#,
        r#"<c:ResourceURI>http://intel.com/wbem/wscim/1/ips-schema/1/IPS_HostBasedSetupService</c:ResourceURI>"#,
        r#"</a:Header><a:Body><g:Setup_OUTPUT><g:ReturnValue>0</g:ReturnValue></g:Setup_OUTPUT></a:Body></a:Envelope>"#,
    );
    assert_eq!(*text, expected);
    let body = read(200, &text, 1).unwrap().unwrap();
    assert!(body.is(SETUP.as_str(), "Setup_OUTPUT"));
}

#[test]
fn a_page_declares_enumeration_before_the_class() {
    let request = request(Call::new(GENERAL, Operation::Pull(EnumerationContext("7".into()))), 5);
    let next = EnumerationContext("8".into());
    let text = write_response(&request, DeviceMessageId(1), Some(pull_reply([GENERAL.instance()], Some(&next))));
    assert!(text.contains("<g:PullResponse><g:EnumerationContext>8</g:EnumerationContext><g:Items>"), "{}", *text);
    assert!(text.contains("<h:AMT_GeneralSettings></h:AMT_GeneralSettings></g:Items></g:PullResponse>"), "{}", *text);
}

#[test]
fn every_fault_arrives_as_it_was_sent() {
    for kind in FaultKind::NAMED {
        let fault = Fault::new(kind.clone());
        let text = write_fault(Some("4"), DeviceMessageId(1), &fault);
        assert_eq!(read(fault.http_status(), &text, 4), Err(Box::new(fault.clone()).into()), "{}", *text);
        let unrelated = write_fault(None, DeviceMessageId(1), &fault);
        assert_eq!(read(fault.http_status(), &unrelated, 4), Err(Box::new(fault).into()));
    }
    let fault = Fault::new(FaultKind::InternalError).with_status(PtStatus::InternalError);
    assert_eq!(fault.http_status(), 500);
    let text = write_fault(Some("4"), DeviceMessageId(1), &fault);
    assert_eq!(read(500, &text, 4), Err(Box::new(fault).into()));
}

#[test]
fn a_fault_is_told_by_the_namespace_of_its_subcode() {
    let text = write_fault(Some("4"), DeviceMessageId(1), &Fault::new(FaultKind::AlreadyExists));
    let elsewhere = text.replace(r#"xmlns:e="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd""#, r#"xmlns:e="urn:x""#);
    assert_ne!(*text, elsewhere);
    let Err(ReplyError::Fault(fault)) = read(400, &elsewhere, 4) else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Other("AlreadyExists".into()));
}

#[test]
fn a_reply_to_another_request_is_refused() {
    let request = request(Call::new(GENERAL, Operation::Get), 41);
    let text = write_response(&request, DeviceMessageId(1), Some(GENERAL.instance()));
    assert!(read(200, &text, 41).is_ok());
    assert_eq!(read(200, &text, 42), Err(ReplyError::Unrelated { expected: MessageId(42), got: "41".into() }));
    let fault = write_fault(Some("41"), DeviceMessageId(1), &Fault::new(FaultKind::AlreadyExists));
    assert!(matches!(read(400, &fault, 42), Err(ReplyError::Unrelated { .. })));
    let silent = text.replace("<b:RelatesTo>41</b:RelatesTo>", "");
    assert_eq!(read(200, &silent, 41), Err(ReplyError::NotAReply("RelatesTo")));
}

#[test]
fn the_right_prefixes_in_wrong_namespaces_are_no_reply() {
    let request = request(Call::new(GENERAL, Operation::Get), 1);
    let text = write_response(&request, DeviceMessageId(1), Some(GENERAL.instance()));
    for ns in [SOAP, ADDRESSING] {
        let other = text.replace(ns, "urn:x");
        assert!(matches!(read(200, &other, 1), Err(ReplyError::NotAReply(_))), "{ns}");
    }
    let body = read(200, &text.replace(GENERAL.as_str(), "urn:x"), 1).unwrap().unwrap();
    assert!(!body.is(GENERAL.as_str(), GENERAL.class()));
}

#[test]
fn an_html_page_is_reported_with_its_words() {
    let page = "<html><body>\r\n<h1>Bad Request.\x07 Missing required parameter</h1>";
    let expected =
        ReplyError::Http { status: 400, text: "<html><body> <h1>Bad Request. Missing required parameter</h1>".into() };
    assert_eq!(read(400, page, 1), Err(expected));
    let Err(ReplyError::Http { text, .. }) = read(500, &"x".repeat(100_000), 1) else { panic!() };
    assert_eq!(text.len(), 300);
    assert!(matches!(read(200, page, 1), Err(ReplyError::Xml(_))));
    let not_a_fault = write_response(&request(Call::new(GENERAL, Operation::Get), 1), DeviceMessageId(1), None);
    assert!(matches!(read(500, &not_a_fault, 1), Err(ReplyError::Http { status: 500, .. })));
}

#[test]
fn a_request_that_a_device_cannot_take_says_why() {
    let text = write_request(&Call::new(GENERAL, Operation::Get), MessageId(3));
    let refused = |from: &str, to: &str| {
        let other = text.replace(from, to);
        assert_ne!(*text, other);
        read_request(other.as_bytes(), Limits::DEFAULT).unwrap_err()
    };
    let error = refused("transfer/Get", "transfer/Fetch");
    assert_eq!(error.message_id.as_deref(), Some("3"));
    assert_eq!(error.fault().kind, FaultKind::ActionNotSupported);
    let error = refused("<a:MessageID>3</a:MessageID>", "");
    assert_eq!(error.problem, RequestProblem::Incomplete("MessageID"));
    assert_eq!(error.fault().kind, FaultKind::InvalidMessageInformationHeader);
    assert_eq!(refused("transfer/Get", "transfer/Put").problem, RequestProblem::Incomplete("the instance in the Body"));
    assert_eq!(refused("<Body>", "<Bodies>").message_id, None, "no document");
    assert_eq!(refused(WSMAN, "urn:x").problem, RequestProblem::Incomplete("ResourceURI"));
    let selectors = "</w:OperationTimeout><w:SelectorSet><w:Selector>x</w:Selector></w:SelectorSet>";
    assert_eq!(refused("</w:OperationTimeout>", selectors).fault().kind, FaultKind::InvalidSelectors);
}

fn any_word() -> impl Strategy<Value = String> {
    "[!-~]([ -~\u{a1}-\u{ff}]{0,18}[!-~])?"
}

fn any_reference() -> impl Strategy<Value = Reference> {
    let selector = (any_word(), any_word()).prop_map(|(name, value)| Selector::text(name, value));
    let plain = proptest::collection::vec(selector, 0..3).prop_map(|selectors| Reference::new(SETUP, selectors));
    plain.prop_recursive(2, 4, 2, |inner| {
        (any_word(), inner).prop_map(|(name, inner)| {
            let value = SelectorValue::Reference(Box::new(inner));
            Reference::new(GENERAL, [Selector { name: name.into(), value }])
        })
    })
}

fn any_call() -> impl Strategy<Value = Call> {
    let instance = || any_word().prop_map(|word| GENERAL.instance().with_property("HostName", &word));
    let operation = prop_oneof![
        Just(Operation::Get),
        instance().prop_map(Operation::Put),
        instance().prop_map(Operation::Create),
        Just(Operation::Delete),
        Just(Operation::Enumerate),
        any_word().prop_map(|context| Operation::Pull(EnumerationContext(context))),
        (any_word(), any_reference()).prop_map(|(word, reference)| {
            let parameters = [("One", Parameter::from(word.as_str())), ("Two", Parameter::Reference(reference))];
            Call::invoke(GENERAL, "Method", parameters).operation
        }),
    ];
    (operation, any_reference()).prop_map(|(operation, reference)| Call {
        resource: GENERAL,
        operation,
        selectors: reference.selectors,
    })
}

proptest! {
    #[test]
    fn a_device_reads_the_call_that_we_wrote(call in any_call(), id in any::<u64>()) {
        let read = read_request(write_request(&call, MessageId(id)).as_bytes(), Limits::DEFAULT).unwrap();
        prop_assert_eq!(read, Request { message_id: id.to_string(), call });
    }

    #[test]
    fn we_read_the_body_that_a_device_wrote(call in any_call(), id in any::<u64>(), word in any_word(), to in any_reference()) {
        let request = request(call, id);
        let bodies = [
            None,
            Some(GENERAL.instance().with_property("HostName", &word)),
            Some(method_reply(&request.call, [], 7)),
            Some(enumerate_reply(&EnumerationContext(word.clone()))),
            Some(created_reply(&to)),
        ];
        for body in bodies {
            let text = write_response(&request, DeviceMessageId(id), body.clone());
            prop_assert_eq!(read(200, &text, id).unwrap(), body);
        }
    }

    #[test]
    fn a_reference_reads_back_as_it_was_written(reference in any_reference()) {
        prop_assert_eq!(Reference::read(&reference.write_into(Node::new("u", "Key"))), Ok(reference));
    }

    #[test]
    fn no_damage_to_a_reply_breaks_the_reader(cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let request = request(Call::new(GENERAL, Operation::Get), 1);
        let text = write_response(&request, DeviceMessageId(1), Some(GENERAL.instance()));
        let mut bytes = text.as_bytes().to_vec();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        let _ = read_response(200, &bytes, MessageId(1), Limits::DEFAULT);
        let _ = read_request(&bytes, Limits::DEFAULT);
        prop_assert!(read_response(200, &bytes[..at], MessageId(1), Limits::DEFAULT).is_err());
    }
}

proptest! {
    // Read as often as it has bytes.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_part_of_an_envelope_is_one(call in any_call(), id in any::<u64>(), word in any_word(), to in any_reference()) {
        let asked = write_request(&call, MessageId(id));
        for length in 0..asked.len() {
            prop_assert!(read_request(&asked.as_bytes()[..length], Limits::DEFAULT).is_err(), "{} bytes", length);
        }
        let request = request(call, id);
        let said = GENERAL.instance().with_property("HostName", &word).with(to.write_into(GENERAL.element("Of")));
        let answered = write_response(&request, DeviceMessageId(id), Some(said));
        let fault = write_fault(Some(&id.to_string()), DeviceMessageId(id), &Fault::new(FaultKind::AccessDenied));
        for (status, text) in [(200, answered), (400, fault)] {
            for length in 0..text.len() {
                let read = read_response(status, &text.as_bytes()[..length], MessageId(id), Limits::DEFAULT);
                prop_assert!(matches!(read, Err(ReplyError::Xml(_) | ReplyError::Http { .. })), "{} bytes", length);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_fault_arrives_as_it_was_sent(
        kind in prop_oneof![prop::sample::select(FaultKind::NAMED), "X[A-Za-z0-9]{0,20}".prop_map(FaultKind::Other)],
        blame in prop::sample::select(vec![Blame::Sender, Blame::Receiver]),
        reason in "[!-~]{1,10}( [!-~]{1,10}){0,5}",
        status in proptest::option::of(any::<u32>().prop_filter_map("no status", PtStatus::from_code)),
        id in any::<u64>(),
    ) {
        let fault = Fault { kind, blame, reason, status };
        let text = write_fault(Some(&id.to_string()), DeviceMessageId(id), &fault);
        prop_assert_eq!(read(fault.http_status(), &text, id), Err(Box::new(fault).into()), "{}", *text);
    }
}
