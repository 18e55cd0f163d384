//! `simulate`: devices to try server and relay with.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::Uuid;
use clap::Args;

use super::error::CliError;
use super::switches::SwitchArgs;
use super::trust::{DOMAIN, SimulateError, Trust};
use crate::simulator::config::DeviceConfig;
use crate::simulator::keys::KeyPool;
use crate::simulator::persona::Persona;
use crate::simulator::provisioning::ProvisioningStrength;
use crate::simulator::running::{Place, SimulatedDevice};
use crate::simulator::switches::Switches;

/// The most devices of one process: each has listeners and a TLS server of its own.
pub const MAX_DEVICES: u32 = 1000;

/// Run simulated devices until stopped, so that server and relay can be tried without hardware
///
/// Each device listens on the two AMT ports of a loopback address of its own, and on a socket that stands for its MEI.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision simulate --amt 19.0 --mei-socket /tmp/amt.mei --trust /tmp/amt-trust
  amt-provision simulate --amt 18.0 --count 10 --lms-address 127.1.0.1
  amt-provision simulate --close always --slow AMT_PublicKeyManagementService.GenerateKeyPair=10000

With --count N the devices listen on the N addresses from --lms-address on; the first one's MEI is at --mei-socket, the \
next ones' at the same path with .2, .3 … behind it.")]
pub struct SimulateArgs {
    /// The firmware's version
    #[arg(long, value_name = "VERSION", default_value = "19.0")]
    amt: AmtVersion,
    /// How it behaves where real firmware differs, by name; the usual way of that version if not given
    #[arg(long, value_name = "NAME")]
    persona: Option<Persona>,
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DEVICES)))]
    count: u32,
    /// The loopback address of the first device
    #[arg(long, value_name = "127.x.y.z", default_value = "127.0.0.1")]
    lms_address: Ipv4Addr,
    /// The socket of the first device's MEI
    #[arg(long, value_name = "PATH", default_value = "amt.mei")]
    mei_socket: PathBuf,
    /// A folder for what a server has to be told in order to trust these devices, and they it
    #[arg(long, value_name = "FOLDER")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    switches: SwitchArgs,
}

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulateOptions {
    /// The firmware's version.
    pub version: AmtVersion,
    /// How the devices behave.
    pub persona: Persona,
    /// What is switched on them.
    pub switches: Switches,
    /// Where each device is; at least one.
    pub places: Vec<Place>,
    /// Where trust material is written.
    pub trust: Option<PathBuf>,
}

impl TryFrom<SimulateArgs> for SimulateOptions {
    type Error = CliError;

    fn try_from(args: SimulateArgs) -> Result<Self, CliError> {
        let SimulateArgs { amt, persona, count, lms_address, mei_socket, trust, switches } = args;
        let places = (0..count)
            .map(|number| {
                let address = lms_address.to_bits().checked_add(number).map(Ipv4Addr::from_bits);
                // 127.255.255.255 is for broadcasts, and cannot be listened on.
                let address = address.filter(|it| it.is_loopback() && *it != Ipv4Addr::new(127, 255, 255, 255));
                let address = address.ok_or_else(|| {
                    CliError::Usage(format!(
                        "{count} device(s) from {lms_address} on do not fit into 127.0.0.0/8: give --lms-address one \
                         such as 127.1.0.1"
                    ))
                })?;
                let mut socket = mei_socket.clone().into_os_string();
                if number > 0 {
                    socket.push(format!(".{}", number + 1));
                }
                Ok(Place { address, mei_path: socket.into() })
            })
            .collect::<Result<_, CliError>>()?;
        let persona = persona.unwrap_or(Persona::usual(amt)).fitting(amt);
        let persona = persona.map_err(|misfit| CliError::Usage(misfit.to_string()))?;
        Ok(Self { version: amt, persona, switches: switches.into(), places, trust })
    }
}

/// Runs the devices until the process is stopped.
///
/// # Errors
/// If a persona is unknown, or the machine has no room for the devices' sockets and files.
pub fn run(args: SimulateArgs) -> Result<(), CliError> {
    let options = SimulateOptions::try_from(args)?;
    let persona = options.persona;
    smol::block_on(async {
        let trust = Trust::open(options.trust.as_deref(), ProvisioningStrength::of(options.version.suite()))?;
        let keys = Arc::new(KeyPool::default());
        let mut devices = Vec::new();
        for (number, place) in (1..).zip(options.places) {
            let mut config = DeviceConfig::new(uuid(number), options.version, Arc::clone(&trust.authority));
            config.persona = persona;
            config.keys = Arc::clone(&keys);
            config.dns_suffix = Some(DOMAIN.to_owned());
            config.roots = trust.roots();
            options.switches.apply_to(&mut config);
            let device = SimulatedDevice::start(&config, place).await.map_err(SimulateError::from)?;
            writeln!(
                anstream::stderr(),
                "device {}: AMT {}, {persona}, LMS {}, MEI unix:{}",
                config.uuid,
                config.version,
                device.address(),
                device.mei_path().display()
            )?;
            devices.push(device);
        }
        // Until the process is stopped: the devices live in tasks of their own.
        smol::future::pending::<()>().await;
        Ok(())
    })
}

/// The UUID of the `number`th device, the first being 1: the same at each start, so that a server knows it again.
fn uuid(number: u32) -> Uuid {
    let mut bytes = *b"\x51\x30\0\0\0\0\x40\0\x80\0\0\0\0\0\0\0";
    bytes[2..6].copy_from_slice(&number.to_be_bytes());
    Uuid::from_bytes(bytes).expect("a UUID that begins so is none of the placeholders")
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::time::Millis;
    use clap::Parser;

    use super::*;
    use crate::simulator::config::{ConnectionHabit, RestartDelay};
    use crate::simulator::identity::SimulatorAuthority;
    use crate::tunnel::tls::TlsVersion;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn read(text: &str) -> Result<SimulateOptions, String> {
        let words = std::iter::once("simulate").chain(text.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.args.try_into().map_err(|error: CliError| error.to_string())
    }

    #[test]
    fn one_device_of_amt_19_if_nothing_is_said() {
        let options = read("").unwrap();
        assert_eq!((options.version, options.persona.name), (AmtVersion::new(19, 0), "drops-listed"));
        let [place] = &options.places[..] else { panic!() };
        assert_eq!((place.address, place.mei_path.display().to_string().as_str()), (Ipv4Addr::LOCALHOST, "amt.mei"));
    }

    #[test]
    fn each_device_has_an_address_and_a_socket_of_its_own() {
        let options = read("--count 3 --lms-address 127.0.0.254 --mei-socket /tmp/a.mei --persona drops-odca").unwrap();
        let places: Vec<_> = options
            .places
            .iter()
            .map(|place| (place.address.to_string(), place.mei_path.display().to_string()))
            .collect();
        let expected = [("127.0.0.254", "/tmp/a.mei"), ("127.0.0.255", "/tmp/a.mei.2"), ("127.0.1.0", "/tmp/a.mei.3")];
        assert_eq!(places, expected.map(|(address, path)| (address.to_owned(), path.to_owned())));
        assert_eq!(options.persona.name, "drops-odca");
    }

    #[test]
    fn switches_change_the_device_and_nothing_else() {
        let text = "--slow every=9 --slow IPS_HostBasedSetupService.Setup=5000 --close always --idle-close 10000 \
                    --tls 1.2 --drop-after 20 --amt 21.0";
        let authority = Arc::new(SimulatorAuthority::generate().unwrap());
        let mut config = DeviceConfig::new(uuid(1), AmtVersion::new(21, 0), authority);
        read(text).unwrap().switches.apply_to(&mut config);
        let took = |action: &str| config.timings.of(Some(action.parse().unwrap()));
        assert_eq!(took("IPS_HostBasedSetupService.Setup"), Millis(5000));
        assert_eq!(took("AMT_GeneralSettings.Get"), Millis(9));
        assert_eq!((config.connections, config.idle_close), (ConnectionHabit::Always, Some(Millis(10_000))));
        assert_eq!((config.max_tls, config.restart_delay), (TlsVersion::V1_2, RestartDelay::After(Millis(20))));
        assert_eq!(read("").unwrap().switches, Switches::default());
    }

    #[test]
    fn devices_that_have_no_place_are_refused() {
        for (text, reason) in [
            ("--lms-address 10.0.0.1", "127.0.0.0/8"),
            ("--lms-address 127.255.255.250 --count 6", "127.0.0.0/8"),
            ("--lms-address localhost", "invalid value 'localhost'"),
            ("--count 0", "0 is not in 1..=1000"),
            ("--count 1001", "1001 is not in 1..=1000"),
            ("--amt nineteen", "MAJOR.MINOR"),
            ("--persona keeps", "expected one of keeps-session, "),
            ("--persona tls-already-on --amt 15.0", "16.1 or later"),
            ("--slow AMT_Nothing.Get=5", "expected one of AMT_AuthorizationService, "),
            ("--close sometimes", "[possible values: honor, never, refusals, always]"),
            ("--tls 1.1", "[possible values: 1.2, 1.3]"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert_eq!(read("--lms-address 127.255.255.250 --count 5").unwrap().places.len(), 5);
    }
}
