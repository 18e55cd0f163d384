//! The command line of `demo`, and what it means.

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::policy::FirstUseTrust;
use amt_provision_fsm::record::Provenance;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::switches::SwitchArgs;
use crate::simulator::persona::Persona;
use crate::simulator::switches::Switches;

/// Provision simulated devices, with server and relay, in this one process
///
/// Shows the stages as they happen, then how each device's pin came to be. A device counts as done only if the device
/// itself agrees with the store: its mode, certificate, settings and password.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision demo
  amt-provision demo --flow both --devices 5
  amt-provision demo --amt 21.0 --persona drops-odca
  amt-provision demo --close always
  amt-provision demo --persona drops-unlisted --minimum-provenance odca-interim
  amt-provision demo --flow b --distrust-first-use
  amt-provision demo --devices 50 --json | tail -1
  amt-provision demo --flow both --peer-style rpc-go --json

With --peer-style rpc-go the relays work as rpc-go does: they carry one message at a time, and wait for 2.0 s of silence \
behind each. It takes two to three minutes, nearly all of which is that silence: messages_sent says how many \
messages the server needed, and each costs up to 2 s.

Flow A (AMT 19 and later) is TLS from the first byte. Flow B (AMT 18 and earlier) begins in plain text: a relay that is \
hostile at first contact cannot be excluded there, so its pins are marked first-use; the demo's profile trusts them \
unless --distrust-first-use says otherwise.")]
pub struct DemoArgs {
    /// Which flow; that of --amt if not given, else A
    #[arg(long, value_enum)]
    flow: Option<FlowChoice>,
    /// How many devices of each flow
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    devices: u16,
    /// The firmware's version; 19.0 for flow A and 18.0 for flow B if not given
    #[arg(long, value_name = "VERSION")]
    amt: Option<AmtVersion>,
    /// How the devices behave where real firmware differs, by name; the usual way of that version if not given
    #[arg(long, value_name = "NAME")]
    persona: Option<Persona>,
    #[command(flatten)]
    switches: SwitchArgs,
    /// Where the devices are to be in the end
    #[arg(long, value_enum, default_value_t = PlannedGoal::Acm)]
    goal: PlannedGoal,
    /// The weakest provenance that a pin may have: odca, odca-interim, provisional or first-use
    #[arg(long, value_name = "PROVENANCE", default_value_t = Provenance::FirstUse, value_parser = provenance)]
    minimum_provenance: Provenance,
    /// Do not trust a pin that was learnt at first use: such a device stays in CCM
    #[arg(long)]
    distrust_first_use: bool,
    /// How the relays work: as our own, or as rpc-go over LMS with its default settings
    #[arg(long, value_enum, default_value_t = PeerStyle::Own)]
    peer_style: PeerStyle,
}

/// How a demo's relays work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PeerStyle {
    /// As our own.
    #[default]
    Own,
    /// As rpc-go over LMS.
    RpcGo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FlowChoice {
    A,
    B,
    Both,
}

/// A way to provision a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// TLS before provisioning: AMT 19 and later.
    A,
    /// Plain text first: AMT 18 and earlier.
    B,
}

impl Flow {
    /// The flow that devices of that version take.
    pub const fn of(version: AmtVersion) -> Self {
        if version.must_have_local_tls() { Self::A } else { Self::B }
    }

    const fn usual_version(self) -> AmtVersion {
        match self {
            Self::A => AmtVersion::new(19, 0),
            Self::B => AmtVersion::new(18, 0),
        }
    }
}

fn provenance(text: &str) -> Result<Provenance, &'static str> {
    use Provenance as P;
    let known = [P::Odca, P::OdcaInterim, P::Provisional, P::FirstUse];
    let found = known.into_iter().find(|known| known.to_string() == text);
    found.ok_or("expected odca, odca-interim, provisional or first-use")
}

/// Where a device is to be in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum PlannedGoal {
    /// In Client Control Mode.
    Ccm,
    /// In Admin Control Mode.
    Acm,
}

/// What a demo provisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// Every device, those of flow A first; at least one.
    pub devices: Vec<PlannedDevice>,
    /// How their relays work.
    pub peer_style: PeerStyle,
    /// What the server's profiles ask of pins.
    pub trust: PinTrust,
}

/// What a demo's profiles ask of pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinTrust {
    /// The weakest provenance that a pin may have.
    pub minimum: Provenance,
    /// Whether authority goes to a device whose pin was learnt at first use.
    pub first_use: FirstUseTrust,
}

impl PinTrust {
    /// Any pin will do.
    pub const ANY: Self = Self { minimum: Provenance::FirstUse, first_use: FirstUseTrust::Trusted };
}

/// A device to be simulated. Its version decides its flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDevice {
    /// The firmware's version.
    pub version: AmtVersion,
    /// Where it is to be in the end.
    pub goal: PlannedGoal,
    /// How it behaves.
    pub persona: Persona,
    /// What is switched on it.
    pub switches: Switches,
}

impl PlannedDevice {
    /// The flow that it takes.
    pub const fn flow(&self) -> Flow {
        Flow::of(self.version)
    }
}

impl TryFrom<DemoArgs> for DemoOptions {
    type Error = CliError;

    fn try_from(args: DemoArgs) -> Result<Self, CliError> {
        let flows: &[Flow] = match (args.flow, args.amt) {
            (Some(FlowChoice::A), _) | (None, None) => &[Flow::A],
            (Some(FlowChoice::B), _) => &[Flow::B],
            (Some(FlowChoice::Both), _) => &[Flow::A, Flow::B],
            (None, Some(version)) => match Flow::of(version) {
                Flow::A => &[Flow::A],
                Flow::B => &[Flow::B],
            },
        };
        let switches = Switches::from(args.switches);
        let mut devices = Vec::new();
        for flow in flows {
            let version = args.amt.unwrap_or(flow.usual_version());
            if Flow::of(version) != *flow {
                return Err(CliError::Usage(format!(
                    "AMT {version} takes flow {:?} and no other: leave --flow out, or --amt",
                    Flow::of(version)
                )));
            }
            let persona = args.persona.unwrap_or(Persona::usual(version)).fitting(version);
            let persona = persona.map_err(|misfit| CliError::Usage(misfit.to_string()))?;
            let device = PlannedDevice { version, goal: args.goal, persona, switches: switches.clone() };
            devices.extend((0..args.devices).map(|_| device.clone()));
        }
        let first_use = if args.distrust_first_use { FirstUseTrust::NotTrusted } else { FirstUseTrust::Trusted };
        let trust = PinTrust { minimum: args.minimum_provenance, first_use };
        Ok(Self { devices, peer_style: args.peer_style, trust })
    }
}
