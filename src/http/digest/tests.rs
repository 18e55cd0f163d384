//! Our session against our device, against another implementation, and against what a hostile peer may ask.

use digest_auth::AuthContext;
use proptest::prelude::*;

use super::*;

const REALM: &str = "Digest:727734D63A1FC0423736E48DA554E462";
const NONCE: &str = "B9AX94iAAAAAAAAAx6rrSfPHGUrx/3uA";
/// By another tool: md5 of `admin:REALM:P@ssw0rd`.
const EXPECTED_HEX: &str = "79d3ee92009b75d66bd8179bf8e11450";

fn realm() -> DigestRealm {
    REALM.parse().unwrap()
}

fn admin(user: &str) -> Option<Ha1> {
    (user == "admin").then(|| Ha1::new("admin", &realm(), "P@ssw0rd"))
}

fn session() -> Session {
    Session::new(Account::new("admin", "P@ssw0rd"))
}

fn cnonce(n: u8) -> Cnonce {
    Cnonce::new([n; 16])
}

fn ask(session: &mut Session, device: &mut Verifier) -> Result<Login, Denied> {
    let authorization = session.authorize(&cnonce(1)).unwrap().to_string();
    device.verify(&authorization, "POST", admin)
}

#[test]
fn a_realm_has_exactly_one_form() {
    assert_eq!(realm().to_string(), REALM);
    assert_ne!(realm(), REALM.replace("Digest:727734D", "Digest:727734d").parse().unwrap(), "the case is hashed");
    for text in [
        "",
        "Digest:",
        "digest:727734D63A1FC0423736E48DA554E462",
        "727734D63A1FC0423736E48DA554E462",
        "Digest:727734D63A1FC0423736E48DA554E46",
        "Digest:727734D63A1FC0423736E48DA554E4622",
        "Digest:727734D63A1FC0423736E48DA554E46G",
        " Digest:727734D63A1FC0423736E48DA554E462",
        "Digest:é27734D63A1FC0423736E48DA554E46",
    ] {
        assert_eq!(text.parse::<DigestRealm>(), Err(RealmError), "{text:?}");
    }
}

#[test]
fn the_hash_has_the_two_encodings_that_calls_want() {
    let ha1 = admin("admin").unwrap();
    assert_eq!(*ha1.to_hex(), EXPECTED_HEX);
    assert!(Ha1::from_hex(&ha1.to_hex()) == Some(ha1.clone()));
    assert!(Ha1::from_base64(&ha1.to_base64()) == Some(ha1.clone()));
    assert_eq!(ha1.to_base64().len(), 24);
    for text in ["", "0", "zz34567890123456789012345678901234", &"z".repeat(32), &"0".repeat(33)] {
        assert!(Ha1::from_hex(text).is_none() && Ha1::from_base64(text).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_realm_is_its_sixteen_bytes_spelt_in_upper_case(bytes: [u8; 16]) {
        let realm = DigestRealm::from_bytes(bytes);
        prop_assert_eq!(realm.to_bytes(), bytes);
        prop_assert_eq!(realm.to_string().parse(), Ok(realm.clone()));
        let lower = format!("Digest:{}", realm.to_string()[7..].to_lowercase()).parse::<DigestRealm>().unwrap();
        prop_assert_eq!(lower.to_bytes(), bytes);
    }
}

#[test]
fn challenges_are_read_however_they_are_written() {
    let expected = Challenge { realm: realm(), nonce: NONCE.into(), opaque: None, stale: false };
    for text in [
        &*format!(r#"Digest realm="{REALM}", nonce="{NONCE}",stale="false",qop="auth""#),
        &format!(r#"digest   qop=auth , ,stale=FALSE,NONCE="{NONCE}" ,Realm = "{REALM}","#),
        &format!(r#"Negotiate, DIGEST realm="{REALM}",nonce={NONCE},qop="auth-int, auth",algorithm=md5"#),
        &format!(r#"Negotiate YII==, Digest nonce="{NONCE}",realm="{REALM}",qop="auth",algorithm="MD5""#),
    ] {
        assert_eq!(Challenge::parse([text]), Ok(expected.clone()), "{text}");
        assert_eq!(Challenge::parse(["Negotiate", "Basic realm=\"x", text]), Ok(expected.clone()));
    }
    let full = Challenge { opaque: Some("o\"p\\q".into()), stale: true, ..expected };
    assert_eq!(Challenge::parse([full.to_string().as_str()]), Ok(full));
}

#[test]
fn challenges_that_cannot_be_answered_are_refused() {
    use ChallengeError::*;
    let with = |params: &str| Challenge::parse([format!("Digest {params}").as_str()]).unwrap_err();
    assert_eq!(Challenge::parse([]), Err(Missing));
    assert_eq!(Challenge::parse(["Basic realm=\"x\"", "Negotiate"]), Err(Missing));
    assert_eq!(Challenge::parse([r#"Digest realm="x"#]), Err(Missing), "a quote that is not closed");
    assert_eq!(with(r#"realm="Digest:0",nonce="n",qop="auth""#), Realm(RealmError));
    assert_eq!(with(&format!(r#"realm="{REALM}",nonce="",qop="auth""#)), Malformed("no nonce"));
    assert_eq!(with(r#"nonce="n",qop="auth""#), Malformed("no realm"));
    assert_eq!(with(&format!(r#"realm="{REALM}",nonce="n""#)), Unsupported("no qop auth"));
    assert_eq!(with(&format!(r#"realm="{REALM}",nonce="n",qop="auth-int""#)), Unsupported("no qop auth"));
    assert_eq!(
        with(&format!(r#"realm="{REALM}",nonce="n",qop="auth",algorithm=SHA-256"#)),
        Unsupported("another algorithm")
    );
    let twice = with(&format!(r#"realm="{REALM}",nonce="n",nonce="m",qop="auth""#));
    assert_eq!(twice, Malformed("a parameter stands there twice"));
}

#[test]
fn one_challenge_is_answered_many_times_with_a_rising_count() {
    let mut device = Verifier::new(realm());
    let mut session = session();
    assert_eq!(session.authorize(&cnonce(1)), None);
    session.challenged([device.challenge(NONCE, false).to_string().as_str()]).unwrap();
    for nc in 1..20 {
        let authorization = session.authorize(&cnonce(nc)).unwrap().to_string();
        assert!(authorization.contains(&format!("nc=\"{nc:08x}\"")), "{authorization}");
        let login = device.verify(&authorization, "POST", admin).unwrap();
        assert_eq!(login, Login { username: "admin".into(), nonce: NONCE.into() });
        assert_eq!(device.verify(&authorization, "POST", admin), Err(Denied::Replayed));
        session.accepted();
    }
}

#[test]
fn a_forgotten_nonce_costs_one_round_trip_and_a_wrong_password_two() {
    let mut device = Verifier::new(realm());
    let mut session = session();
    session.challenged([device.challenge("one", false).to_string().as_str()]).unwrap();
    ask(&mut session, &mut device).unwrap();
    session.accepted();
    device.forget_nonces();
    let denied = ask(&mut session, &mut device).unwrap_err();
    assert!(denied.is_stale());
    session.challenged([device.challenge("two", denied.is_stale()).to_string().as_str()]).unwrap();
    assert!(ask(&mut session, &mut device).is_ok());
    session.accepted();

    session.change_account(Account::new("admin", "wrong"), Reuse::KeepChallenge);
    assert_eq!(ask(&mut session, &mut device), Err(Denied::Credentials));
    session.challenged([device.challenge("three", false).to_string().as_str()]).unwrap();
    assert_eq!(ask(&mut session, &mut device), Err(Denied::Credentials));
    let refused = session.challenged([device.challenge("four", false).to_string().as_str()]);
    assert_eq!(refused, Err(Refused::Credentials { username: "admin".into() }));
    assert_eq!(session.authorize(&cnonce(1)), None);
}

#[test]
fn a_device_that_answers_401_for_ever_is_given_up() {
    let mut session = session();
    let challenge = Verifier::new(realm()).challenge(NONCE, true).to_string();
    let mut tries = 0;
    while session.challenged([challenge.as_str()]).is_ok() {
        session.authorize(&cnonce(1)).unwrap();
        tries += 1;
        assert!(tries < 10);
    }
    assert_eq!(tries, MAX_REFUSALS);
}

#[test]
fn the_account_changes_in_mid_flow() {
    for (reuse, asked_again) in [(Reuse::KeepChallenge, false), (Reuse::DropChallenge, true)] {
        let mut device = Verifier::new(realm());
        let mut session = Session::new(Account::new("$$OsAdmin", "lsa"));
        session.challenged([device.challenge(NONCE, false).to_string().as_str()]).unwrap();
        let authorization = session.authorize(&cnonce(1)).unwrap().to_string();
        let lsa = |user: &str| (user == "$$OsAdmin").then(|| Ha1::new(user, &realm(), "lsa"));
        assert_eq!(device.verify(&authorization, "POST", lsa).unwrap().username, "$$OsAdmin");
        session.accepted();

        session.change_account(Account::new("admin", "P@ssw0rd"), reuse);
        assert_eq!(session.account().username(), "admin");
        match session.authorize(&cnonce(2)) {
            None => assert!(asked_again),
            Some(authorization) => {
                assert!(!asked_again);
                assert!(authorization.to_string().contains("nc=\"00000002\""), "the count of the nonce goes on");
                assert_eq!(device.verify(&authorization.to_string(), "POST", admin).unwrap().username, "admin");
            }
        }
    }
}

#[test]
fn a_device_takes_every_usual_way_of_writing_the_answer() {
    let mut session = session();
    let mut device = Verifier::new(realm());
    session.challenged([device.challenge(NONCE, false).to_string().as_str()]).unwrap();
    let bare = session.authorize(&cnonce(1)).unwrap().to_string().replace("qop=\"auth\"", "qop=auth");
    let bare = bare.replace("nc=\"00000001\"", "nc=00000001");
    assert!(device.verify(&bare, "POST", admin).is_ok());
    let authorization = session.authorize(&cnonce(1)).unwrap().to_string();
    let mut params: Vec<_> = authorization.trim_start_matches("Digest ").split(',').collect();
    params.reverse();
    assert!(device.verify(&format!("digest  {} ,", params.join(" ,  ")), "POST", admin).is_ok());
}

#[test]
fn a_device_refuses_what_is_not_quite_right() {
    let mut session = session();
    let mut device = Verifier::new(realm());
    session.challenged([device.challenge(NONCE, false).to_string().as_str()]).unwrap();
    let good = session.authorize(&cnonce(1)).unwrap().to_string();
    let mut denied = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        device.verify(&good.replace(from, to), "POST", admin).unwrap_err()
    };
    assert_eq!(denied("Digest ", "Basic "), Denied::Malformed("not Digest"));
    assert_eq!(denied(NONCE, "other"), Denied::UnknownNonce);
    assert_eq!(denied("Digest:7", "Digest:8"), Denied::Elsewhere("realm"));
    assert_eq!(denied("/wsman", "/"), Denied::Elsewhere("uri"));
    assert_eq!(denied("\"admin\"", "\"root\""), Denied::Credentials);
    assert_eq!(denied("cnonce=\"01", "cnonce=\"02"), Denied::Credentials);
    assert_eq!(denied("00000001", "00000000"), Denied::Replayed);
    for nc in ["1", "+0000001", "0000000g", "000000001"] {
        assert_eq!(denied("00000001", nc), Denied::Malformed("nc"), "{nc}");
    }
    assert_eq!(denied("qop=\"auth\",", ""), Denied::Malformed("qop"));
    assert_eq!(denied("qop=\"auth\"", "qop=\"auth\",nc=\"00000007\""), Denied::Malformed("a parameter twice"));
    assert_eq!(device.verify(&good, "GET", admin), Err(Denied::Credentials), "the method is hashed");
    assert!(device.verify(&good, "POST", admin).is_ok(), "no refusal used the count up");
}

#[test]
fn a_device_remembers_a_bounded_number_of_nonces() {
    let mut session = session();
    let mut device = Verifier::new(realm());
    session.challenged([device.challenge(NONCE, false).to_string().as_str()]).unwrap();
    for n in 0..MAX_NONCES - 1 {
        device.challenge(&n.to_string(), false);
    }
    assert!(ask(&mut session, &mut device).is_ok());
    device.challenge("one more", false);
    assert_eq!(ask(&mut session, &mut device), Err(Denied::UnknownNonce));
}

#[test]
fn nothing_prints_a_password() {
    let mut session = session();
    session.challenged([Verifier::new(realm()).challenge(NONCE, false).to_string().as_str()]).unwrap();
    let authorization = session.authorize(&cnonce(1)).unwrap().to_string();
    for text in [format!("{session:?}"), format!("{:?}", session.account()), authorization] {
        assert!(!text.contains("P@ssw0rd") && !text.contains(EXPECTED_HEX), "{text}");
    }
}

/// Every beginning of it, and not itself.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len()).filter_map(|end| text.get(..end))
}

fn any_challenge() -> impl Strategy<Value = Challenge> {
    let realm = "Digest:[0-9a-fA-F]{32}".prop_map(|realm| realm.parse().unwrap());
    (realm, "\\PC{1,40}", proptest::option::of("\\PC{0,20}"), any::<bool>())
        .prop_map(|(realm, nonce, opaque, stale)| Challenge { realm, nonce, opaque, stale })
}

proptest! {
    #[test]
    fn any_challenge_is_read_as_it_was_written_and_no_part_of_it_is_one(challenge in any_challenge()) {
        let text = challenge.to_string();
        for part in parts(&text) {
            prop_assert!(Challenge::parse([part]).is_err(), "{}", part);
        }
        prop_assert_eq!(Challenge::parse([text.as_str()]), Ok(challenge));
    }

    /// `opaque`, which a device need not look at, is the last; what is before it is whole or refused.
    #[test]
    fn any_answer_is_taken_by_a_device_and_no_part_of_it_is(
        challenge in any_challenge(), user in "\\PC{0,20}", password in "\\PC{0,32}", random in any::<[u8; 16]>(),
    ) {
        let mut device = Verifier::new(challenge.realm.clone());
        device.challenge(&challenge.nonce, challenge.stale);
        let mut session = Session::new(Account::new(&user, &password));
        session.challenged([challenge.to_string().as_str()]).unwrap();
        let answer = session.authorize(&Cnonce::new(random)).unwrap().to_string();
        let mut verify = |answer: &str| device.verify(answer, "POST", |_| Some(Ha1::new(&user, &challenge.realm, &password)));
        let needed = answer.rfind(",opaque=\"").unwrap_or(answer.len());
        for part in parts(&answer[..needed]) {
            prop_assert!(verify(part).is_err(), "{}", part);
        }
        prop_assert_eq!(verify(&answer), Ok(Login { username: user.clone(), nonce: challenge.nonce.clone() }));
    }

    #[test]
    fn any_hash_is_read_in_both_encodings_and_no_part_of_it_is(user in "\\PC{0,20}", password in "\\PC{0,32}") {
        let hash = Ha1::new(&user, &realm(), &password);
        prop_assert!(Ha1::from_hex(&hash.to_hex()) == Some(hash.clone()));
        prop_assert!(Ha1::from_base64(&hash.to_base64()) == Some(hash.clone()));
        prop_assert!(parts(&hash.to_hex()).all(|part| Ha1::from_hex(part).is_none()));
        prop_assert!(parts(&hash.to_base64()).all(|part| Ha1::from_base64(part).is_none()));
    }

    #[test]
    fn no_part_of_a_realm_is_a_realm(text in "Digest:[0-9a-fA-F]{32}") {
        prop_assert_eq!(text.parse::<DigestRealm>().map(|realm| realm.to_string()), Ok(text.clone()));
        prop_assert!(parts(&text).all(|part| part.parse::<DigestRealm>().is_err()));
    }
}

proptest! {
    #[test]
    fn our_answer_is_that_of_another_implementation(
        user in "[!-~]{1,20}", password in "[ -~]{0,32}", nonce in "[!-~]{1,40}", random in any::<[u8; 16]>(),
    ) {
        let mut device = Verifier::new(realm());
        let challenge = device.challenge(&nonce, false).to_string();
        let mut session = Session::new(Account::new(&user, &password));
        session.challenged([challenge.as_str()]).unwrap();
        let ours = session.authorize(&Cnonce::new(random)).unwrap().to_string();

        let mut context = AuthContext::new_post(user.as_str(), password.as_str(), "/wsman", None::<&[u8]>);
        context.set_custom_cnonce(ha1::hex(&random));
        let theirs = digest_auth::parse(&challenge).unwrap().respond(&context).unwrap();
        prop_assert!(ours.contains(&format!("response=\"{}\"", theirs.response)), "{} {}", ours, theirs);
        prop_assert!(device.verify(&theirs.to_header_string(), "POST", |_| Some(Ha1::new(&user, &realm(), &password))).is_ok());
    }

    #[test]
    fn no_header_breaks_the_parsers(text in "\\PC{0,60}", params in "(Digest |[a-z]{1,5}|=|\"|,| |\\\\){0,40}") {
        for text in [&text, &params] {
            let _ = Challenge::parse([text.as_str()]);
            let _ = Verifier::new(realm()).verify(text, "POST", admin);
        }
    }
}
