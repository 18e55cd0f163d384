//! Lists: pages, ends, limits.

use super::*;

#[test]
fn a_list_goes_on_over_pages_and_passes_other_classes_over() {
    let pages = [vec![key(0), key(1)], vec![], vec![instance(&general_settings::RESOURCE, ""), key(2)]];
    let keys = listed(key_pair::list(), &pages).unwrap();
    let numbers: Vec<_> = keys.iter().map(|key| key.handle.0.rsplit(' ').next().unwrap()).collect();
    assert_eq!(numbers, ["0", "1", "2"]);
}

#[test]
fn a_page_without_context_means_the_same_context() {
    let Progress::More(listing) = reply_to(key_pair::list(), enumerate_reply(&EnumerationContext("c".into()))) else {
        panic!()
    };
    let page = Node::new(ENUMERATION, "PullResponse");
    let items = Node::new(ENUMERATION, "Items");
    let full = page.clone().with(items.clone().with(key(1)));
    let Progress::More(listing) = reply_to(listing, full) else { panic!() };
    assert_eq!(listing.call().operation, Operation::Pull(EnumerationContext("c".into())));
    let Progress::Complete(keys) = reply_to(listing.clone(), page.clone().with(items)) else { panic!() };
    assert_eq!(keys.len(), 1);
    let Progress::Complete(keys) = reply_to(listing, page) else { panic!() };
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_list_that_never_ends_is_given_up_at_the_limit() {
    let next = EnumerationContext("on and on".into());
    let endless = |items: usize| {
        let mut pages = 0;
        let mut progress = try_reply_to(key_pair::list(), enumerate_reply(&next));
        while let Ok(Progress::More(listing)) = progress {
            progress = try_reply_to(listing, pull_reply((0..items).map(key), Some(&next)));
            pages += 1;
        }
        assert!(matches!(progress, Err(ReplyError::NotAReply(_))));
        pages
    };
    assert_eq!(endless(0), MAX_PAGES);
    assert_eq!(endless(100), MAX_ITEMS / 100 + 1);
}

#[test]
fn what_a_list_and_its_context_can_hold_is_bounded() {
    let context = |len: usize| enumerate_reply(&EnumerationContext("c".repeat(len)));
    assert!(try_reply_to(key_pair::list(), context(MAX_CONTEXT)).is_ok());
    assert_eq!(
        try_reply_to(key_pair::list(), context(MAX_CONTEXT + 1)).unwrap_err(),
        ReplyError::NotAReply("EnumerationContext")
    );

    let next = EnumerationContext("c".into());
    let large = || instance(&general_settings::RESOURCE, &format!("<g:X>{}</g:X>", "x".repeat(200 * 1024)));
    let mut progress = try_reply_to(key_pair::list(), enumerate_reply(&next));
    let mut received = 0;
    while let Ok(Progress::More(listing)) = progress {
        progress = try_reply_to(listing, pull_reply([large()], Some(&next)));
        received += 200 * 1024;
        assert!(received < MAX_LIST_BYTES + 256 * 1024);
    }
    let error = progress.unwrap_err();
    assert_eq!(error, ReplyError::NotAReply("the end of a list (too many bytes)"));
}

#[test]
fn a_list_takes_only_its_own_replies() {
    let pull = pull_reply([], None);
    assert!(try_reply_to(key_pair::list(), pull).is_err(), "a page where a context was asked for");
    let no_context = enumerate_reply(&EnumerationContext(String::new()));
    assert!(try_reply_to(key_pair::list(), no_context).is_err());
    let Progress::More(listing) = reply_to(key_pair::list(), enumerate_reply(&EnumerationContext("c".into()))) else {
        panic!()
    };
    let again = enumerate_reply(&EnumerationContext("c".into()));
    assert!(try_reply_to(listing.clone(), again).is_err());
    let fault = write_fault(Some("7"), DeviceMessageId(1), &Fault::new(FaultKind::InvalidEnumerationContext));
    let Err(ReplyError::Fault(fault)) = listing.read_reply(500, fault.as_bytes(), ID, Limits::DEFAULT) else {
        panic!()
    };
    assert_eq!(fault.kind, FaultKind::InvalidEnumerationContext);
}

proptest! {
    #[test]
    fn pages_do_not_matter(counts in proptest::collection::vec(0..5_usize, 1..8)) {
        let pages: Vec<Vec<Node>> = counts.iter().map(|count| (0..*count).map(key).collect()).collect();
        let keys = listed(key_pair::list(), &pages).unwrap();
        prop_assert_eq!(keys.len(), counts.iter().sum::<usize>());
    }
}
