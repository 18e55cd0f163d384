//! What goes in comes out, and what must not come in does not.

use proptest::prelude::*;

use super::read::is_xml_char;
use super::{Limits, Name, Node, Scope, XmlError, read, write};
use crate::wsman::namespace::{ENUMERATION, SOAP, XSI};

fn parse(text: &str) -> Result<Node, XmlError> {
    read(text.as_bytes(), Limits::DEFAULT)
}

fn scope() -> Scope {
    Scope::new([("", SOAP), ("xsi", XSI)], 'h')
}

#[test]
fn names_are_told_apart_by_namespace_and_not_by_prefix() {
    let one = parse(r#"<h:A xmlns:h="urn:one"><h:B>x</h:B></h:A>"#).unwrap();
    let same = parse(r#"<A xmlns="urn:one"><q:B xmlns:q="urn:one">x</q:B></A>"#).unwrap();
    let other = parse(r#"<h:A xmlns:h="urn:two"><h:B>x</h:B></h:A>"#).unwrap();
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!(other.child("urn:one", "B").is_none());
}

#[test]
fn text_is_unescaped_once() {
    let node = parse("<a>CN=A &amp; B &#x26;amp; &lt;<![CDATA[<raw> &amp;]]></a>").unwrap();
    assert_eq!(node.text(), "CN=A & B &amp; <<raw> &amp;");
}

#[test]
fn padding_between_elements_is_dropped_and_padding_in_values_is_kept_aside() {
    let node = parse("\n <?xml version= \"1.0\"?>\n<a>\n  <b>\n 7 </b>\n</a>\n").unwrap();
    assert_eq!(node.text(), "");
    let value = node.property("b").unwrap();
    assert_eq!((value.text(), value.value()), ("\n 7 ", "7"));
}

#[test]
fn the_qname_of_a_fault_code_resolves_where_it_stands() {
    let text = format!(r#"<s:Value xmlns:s="{SOAP}" xmlns:e="urn:e">e:AlreadyExists</s:Value>"#);
    assert_eq!(parse(&text).unwrap().qname(), Some(("urn:e", "AlreadyExists")));
    let unbound = format!(r#"<s:Value xmlns:s="{SOAP}">e:AlreadyExists</s:Value>"#);
    assert_eq!(parse(&unbound).unwrap().qname(), None);
}

#[test]
fn entities_and_document_types_are_refused() {
    let bomb = r#"<!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><lolz>&b;</lolz>"#;
    assert_eq!(parse(bomb), Err(XmlError::Forbidden("a document type")));
    assert_eq!(parse("<a>&b;</a>"), Err(XmlError::Forbidden("an entity")));
    assert!(matches!(parse("<a b='&c;'/>"), Err(XmlError::Malformed { .. })));
    assert_eq!(parse("<a>&#1;</a>"), Err(XmlError::Forbidden("a reference to a control character")));
    assert_eq!(parse("<a>\u{1}</a>"), Err(XmlError::Forbidden("a control character")));
}

/// Found by the fuzz target `wsman_reply`: a namespace with an apostrophe was read, and what was written of it was not.
#[test]
fn g11_a_namespace_that_a_writer_has_to_escape_is_refused() {
    let forbidden = Err(XmlError::Forbidden("a namespace that has to be escaped"));
    for text in
        ["<a xmlns='u&amp;'/>", "<a xmlns=\"u'v\"/>", "<a xmlns='u\"v'/>", "<b:a xmlns:b='u>v'/>", "<a xmlns='u\nv'/>"]
    {
        assert_eq!(parse(text), forbidden, "{text}");
    }
}

#[test]
fn malformed_documents_are_refused() {
    for text in [
        "",
        " ",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "</a>",
        "<a",
        "<a b></a>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a b='1' b='2'/>",
        "<a>&</a>",
        "<a>&#xD800;</a>",
        "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(matches!(read(b"<a>\xff</a>", Limits::DEFAULT), Err(XmlError::NotUtf8(_))));
}

#[test]
fn an_error_repeats_only_the_beginning_of_a_long_name() {
    let error = parse(&format!("<{}>", "n".repeat(100_000))).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn each_limit_holds_exactly() {
    let limits = Limits { bytes: 1000, depth: 4, nodes: 6 };
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(nested(4).as_bytes(), limits).is_ok());
    assert!(matches!(read(nested(5).as_bytes(), limits), Err(XmlError::TooMany { limit: 4, .. })));

    let wide = |nodes: usize| format!("<a>{}</a>", "<b/>".repeat(nodes - 1));
    assert!(read(wide(6).as_bytes(), limits).is_ok());
    assert!(matches!(read(wide(7).as_bytes(), limits), Err(XmlError::TooMany { limit: 6, .. })));

    let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
    assert!(read(long(1000).as_bytes(), limits).is_ok());
    assert_eq!(read(long(1001).as_bytes(), limits), Err(XmlError::TooLong { len: 1001, limit: 1000 }));

    let attributes = |n: usize| format!("<a {}/>", (0..n).map(|n| format!("b{n}='' ")).collect::<String>());
    assert!(parse(&attributes(32)).is_ok());
    assert!(matches!(parse(&attributes(33)), Err(XmlError::TooMany { limit: 32, .. })));

    let namespace = |n: usize| format!("<a xmlns='{}'/>", "n".repeat(n));
    assert!(parse(&namespace(256)).is_ok());
    assert!(matches!(parse(&namespace(257)), Err(XmlError::TooMany { limit: 256, .. })));

    let bindings = |n: usize| (0..n).map(|n| format!("<a xmlns:p{n}='u'>")).collect::<String>() + &"</a>".repeat(n);
    assert!(read(bindings(60).as_bytes(), Limits { depth: 100, ..Limits::DEFAULT }).is_ok());
    assert!(read(bindings(70).as_bytes(), Limits { depth: 100, ..Limits::DEFAULT }).is_err());
}

#[test]
fn the_default_depth_does_not_hurt_the_stack() {
    let deep = "<a>".repeat(80_000);
    assert!(matches!(parse(&deep), Err(XmlError::TooMany { .. })));
}

#[test]
fn requests_get_the_prefixes_that_firmware_knows() {
    let class = Node::new("urn:class", "Setup_INPUT").with_property("Mode", "2");
    let text = write("", &Node::new(SOAP, "Body").with(class), &scope());
    let expected = r#"<h:Setup_INPUT xmlns:h="urn:class"><h:Mode>2</h:Mode></h:Setup_INPUT>"#;
    assert_eq!(*text, format!(r#"<Body xmlns="{SOAP}" xmlns:xsi="{XSI}">{expected}</Body>"#));

    let pull = Node::new(ENUMERATION, "Pull").with_property("MaxElements", "9");
    let text = write("", &Node::new(SOAP, "Body").with(pull), &scope());
    assert!(text.contains(&format!(r#"<Pull xmlns="{ENUMERATION}"><MaxElements>9</MaxElements></Pull>"#)), "{}", *text);
}

#[test]
fn an_element_in_no_namespace_survives_inside_a_default_namespace() {
    let tree = Node::new(SOAP, "Body").with(Node::new("", "bare").with(Node::new(SOAP, "again")));
    assert_eq!(parse(&write("", &tree, &scope())).unwrap(), tree);
}

#[test]
fn what_xml_cannot_carry_does_not_break_the_document() {
    let text = write("", &Node::leaf("", "a", "x\u{1}\u{fffe}y\r\n"), &Scope::new([], 'a'));
    assert_eq!(parse(&text).unwrap().text(), "x\u{fffd}\u{fffd}y\r\n");
}

#[test]
fn a_tree_does_not_print_its_text() {
    let tree = Node::new("u", "Set").with_property("Password", "P@ssw0rd");
    assert_eq!(format!("{tree:?}"), "<Set>[<Password 8 bytes>]");
}

#[test]
fn properties_are_replaced_in_place_and_added_in_order() {
    let mut node = parse("<C xmlns='u'><A>1</A><B>1</B><B>2</B><D>4</D><x xmlns='v'/></C>").unwrap();
    node.set_property("B", "3");
    node.set_property("C", "c");
    node.remove_property("D");
    let names: Vec<_> = node.children().iter().map(|child| (child.name().local.as_ref(), child.text())).collect();
    assert_eq!(names, [("A", "1"), ("B", "3"), ("C", "c"), ("x", "")]);
}

fn any_name() -> impl Strategy<Value = Name> {
    let ns = prop_oneof![Just(""), Just(SOAP), Just(ENUMERATION), Just("urn:a"), Just("urn:b")];
    (ns, "[A-Za-z_][A-Za-z0-9_.-]{0,8}").prop_map(|(ns, local)| Name::new(ns, local))
}

fn any_text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.chars().filter(|c| is_xml_char(*c)).collect())
}

fn any_node() -> impl Strategy<Value = Node> {
    let attributes = proptest::collection::vec((any_name(), any_text()), 0..3);
    let leaf = (any_name(), attributes, any_text()).prop_map(|(name, attributes, text)| {
        let mut node = Node::leaf(name.ns, name.local, &text);
        for (name, value) in attributes {
            if node.attributes().iter().all(|a| a.name != name) && name.local != "xmlns" {
                node = node.with_attribute(name.ns, name.local, value);
            }
        }
        node
    });
    leaf.prop_recursive(6, 40, 5, move |inner| {
        (any_name(), proptest::collection::vec(inner, 1..5))
            .prop_map(|(name, children)| Node::new(name.ns, name.local).with_all(children))
    })
}

proptest! {
    #[test]
    fn any_tree_reads_back_as_it_was_written(tree in any_node()) {
        let text = write("<?xml version=\"1.0\" encoding=\"utf-8\"?>", &tree, &scope());
        prop_assert_eq!(text.capacity(), text.len(), "written in one piece");
        let back = parse(&text).unwrap();
        prop_assert!(back == tree, "{}", *text);
        let device = write("", &tree, &Scope::new([("a", SOAP)], 'g').with_namespaces_of(&tree));
        prop_assert!(parse(&device).unwrap() == tree, "{}", *device);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>/a:b=\"'&;!\\[\\]? -]{0,80}") {
        let _ = read(&bytes, Limits::DEFAULT);
        let _ = parse(&text);
    }
}

proptest! {
    // Read as often as it has bytes.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_prefix_of_a_document_is_a_document(tree in any_node()) {
        let text = write("", &tree, &scope());
        for cut in 0..text.len() {
            prop_assert!(read(&text.as_bytes()[..cut], Limits::DEFAULT).is_err(), "{} bytes", cut);
        }
    }
}
