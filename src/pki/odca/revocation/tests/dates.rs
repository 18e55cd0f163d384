//! From when to when a list counts, and what is said of one that does not.

use super::*;

#[test]
fn a_stale_list_covers_nobody_and_still_revokes() {
    let stale = Set { indirect: ended(), ..Set::default() };
    assert!(verify(IfPresent, &stale.lists()).is_ok());
    let OdcaRefusal::RevocationUnknown(uncovered) = verify(Required, &stale.lists()).unwrap_err() else { panic!() };
    assert_eq!(uncovered.gap, Gap::Stale { file: INDIRECT_LIST.into(), next_update: at(1_593_561_600) });
    assert!(uncovered.to_string().contains("ODCA_CA2_CSME_Indirect.crl is stale since 2020-07-01; get https://"));

    let mut fresher = stale.lists();
    fresher.push(("new.crl", AUTHORITY.indirect_list(&ListShape::default()).unwrap()));
    assert!(verify(Required, &fresher).is_ok(), "a fresh one beside it covers the device");

    let revoking = ListShape { revoked: vec![certificate(Level::Leaf)], ..ended() };
    let stale = Set { indirect: revoking, ..Set::default() };
    for policy in POLICIES {
        assert!(matches!(verify(policy, &stale.lists()), Err(OdcaRefusal::Revoked(_))), "{policy}");
    }
}

#[test]
fn a_list_from_the_future_covers_nobody_yet() {
    let future = ListShape { this_update: rcgen::date_time_ymd(2040, 1, 1), ..ListShape::default() };
    let set = Set { root: future, ..Set::default() };
    let refusal = verify(Required, &set.lists()).unwrap_err();
    assert!(refusal.is_about_revocation());
    let OdcaRefusal::RevocationUnknown(uncovered) = refusal else { panic!() };
    assert!(matches!(uncovered.gap, Gap::NotYet { .. }));
    assert!(uncovered.to_string().contains("is valid from 2040-01-01 on: check the server's clock"));
}

#[test]
fn a_list_counts_from_its_first_second_to_its_last() {
    let of = |this_update, next_update| {
        let moment = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let shape = ListShape {
            this_update: moment(this_update),
            next_update: Some(moment(next_update)),
            ..ListShape::default()
        };
        Set { root: shape, ..Set::default() }.lists()
    };
    let now = 1_800_000_000;
    for (this_update, next_update, gap) in [
        (now, now, None),
        (now - 1, now - 1, Some(Gap::Stale { file: ROOT_LIST.into(), next_update: at(1_799_999_999) })),
        (now + 1, now + 1, Some(Gap::NotYet { file: ROOT_LIST.into(), this_update: at(1_800_000_001) })),
    ] {
        let lists = of(this_update, next_update);
        let found = match verify(Required, &lists) {
            Ok(_) => None,
            Err(OdcaRefusal::RevocationUnknown(uncovered)) => Some(uncovered.gap),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, gap);
        let list = RevocationList::read(ROOT_LIST, &lists[0].1).unwrap();
        let issuer = list.issuer().clone();
        let findings = [Arc::new(list)].into_iter().collect::<RevocationLists>().findings(self::now());
        let expected = gap.map(|gap| match gap {
            Gap::Stale { file, next_update } => Finding::Stale { file, issuer, next_update },
            Gap::NotYet { file, this_update } => Finding::NotYet { file, this_update },
            Gap::Missing | Gap::Forged { .. } => unreachable!(),
        });
        assert_eq!(findings, Vec::from_iter(expected), "what is told without a device is the same");
    }
}

#[test]
fn what_is_to_be_looked_after_is_told_without_a_device() {
    let lists = |set: &Set| -> RevocationLists {
        set.lists().iter().map(|(file, der)| Arc::new(RevocationList::read(*file, der).unwrap())).collect()
    };
    assert_eq!(lists(&Set::default()).findings(now()), []);
    let findings = lists(&Set { indirect: ended(), ..Set::default() }).findings(now());
    let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "revocation list ODCA_CA2_CSME_Indirect.crl of `ODCA CA2 CSME Intermediate CA` is stale since 2020-07-01: get the \
          next one, devices may have been revoked since"
        ]
    );
    assert_eq!(RevocationLists::default().findings(now()), [Finding::Empty]);
}
