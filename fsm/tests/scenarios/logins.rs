//! Who logs in: each login that a device refuses counts towards locking the account.

use super::*;

const UUID: &str = "AMT_SetupAndConfigurationService.GetUuid";

/// Whether the device refuses the login of the request that it has next.
fn next_login_is_refused(bench: &Bench) -> bool {
    bench.request().is_some_and(|(login, _)| !bench.device.lets_in(login))
}

/// A device in the factory's state that its relay says to be in CCM, about to refuse the login that follows from that.
fn said_to_be_in_ccm(persona: &str) -> Bench {
    let mut bench = bench(persona, profile());
    bench.claim(DeviceReport { mode: ControlMode::Client, ..bench.device.report() });
    bench.run_until(|bench| bench.asks(UUID));
    assert!(next_login_is_refused(&bench));
    bench
}

/// Goes on to the end; how many logins the device refused.
fn refused_logins(bench: &mut Bench) -> u32 {
    let mut refused = 0;
    each_step(bench, |bench, next| {
        refused += u32::from(next == Action::Deliver && next_login_is_refused(bench));
        bench.act(next);
    });
    refused
}

#[test]
fn no_login_of_a_device_of_ours_is_refused_whichever_replies_are_lost() {
    for persona in Persona::ALL.into_iter().filter(|persona| persona.found_in.is_none()) {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        assert_eq!(refused_logins(&mut bench), 0, "{}", persona.name);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{}", persona.name);
        bench.order(Order::Deactivate);
        assert_eq!(refused_logins(&mut bench), 0, "{}", persona.name);
        assert_eq!(run(&mut bench), Outcome::Unprovisioned, "{}", persona.name);
    }
}

/// The relay's word orders the logins until the device has given its own.
#[test]
fn a_wrong_word_about_the_mode_costs_one_refused_login_and_not_one_a_connection() {
    let mut bench = said_to_be_in_ccm("keeps-session");
    let mut refused = 0;
    for _ in 0..3 {
        bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.Get"));
        bench.act(Action::Cut);
        bench.run_until(|bench| bench.asks(UUID));
        refused += u32::from(next_login_is_refused(&bench));
    }
    refused += refused_logins(&mut bench);
    assert_eq!(refused, 0, "behind the first");
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

#[test]
fn a_login_that_is_refused_takes_no_try_away_from_what_is_refused_in_passing() {
    let mut bench = said_to_be_in_ccm("drops-listed");
    assert_eq!(answered(&mut bench, KEY_PAIR, &Reply::Refused(Refusal::ReturnValue(1)), |_| true), 3);
}
