//! Who logs in: each login that a device refuses counts towards locking the account.

use super::*;

/// Goes on to the end; how many logins the device refused.
fn refused_logins(bench: &mut Bench) -> u32 {
    let mut refused = 0;
    each_step(bench, |bench, next| {
        let login = bench.request().filter(|_| next == Action::Deliver).map(|(login, _)| login);
        refused += u32::from(login.is_some_and(|login| !bench.device.lets_in(login)));
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
    let mut bench = bench("keeps-session", profile());
    bench.claim(DeviceReport { mode: ControlMode::Client, ..bench.device.report() });
    let mut refused = 0;
    bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.GetUuid"));
    assert_eq!(bench.request().map(|(login, _)| bench.device.lets_in(login)), Some(false));
    for _ in 0..3 {
        bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.Get"));
        bench.act(Action::Cut);
        bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.GetUuid"));
        refused += bench.request().map_or(0, |(login, _)| u32::from(!bench.device.lets_in(login)));
    }
    refused += refused_logins(&mut bench);
    assert_eq!(refused, 0, "behind the first");
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

#[test]
fn a_login_that_is_refused_takes_no_try_away_from_what_is_refused_in_passing() {
    let mut bench = bench("drops-listed", profile());
    bench.claim(DeviceReport { mode: ControlMode::Client, ..bench.device.report() });
    bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.GetUuid"));
    assert_eq!(bench.request().map(|(login, _)| bench.device.lets_in(login)), Some(false));
    assert_eq!(answered(&mut bench, KEY_PAIR, &Reply::Refused(Refusal::ReturnValue(1)), |_| true), 3);
}
