//! Seeds: what is said in runs that pass, cut into what each target reads.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::sim::Rng;
use amt_provision::fsm::time::Instant;
use amt_provision::http::{Limits, RequestDecoder, ResponseDecoder};
use amt_provision::mei::FirmwareClient;
use amt_provision::mei::pthi::{HashHandle, LanInterface, Request};
use amt_provision::protocol::{Data, ToRelay, ToServer};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::device::Device;
use amt_provision::simulator::identity::{ChainShape, LeafPurpose, SimulatorAuthority};
use amt_provision::simulator::revocation::ListShape;
use amt_provision::wsman::envelope::{MessageId, read_request};
use amt_provision::wsman::xml;

use crate::own_transport::{Heard, provision};
use crate::packets::{Direction, without_frame};

/// One input.
pub(crate) struct Seed {
    pub(crate) target: &'static str,
    name: String,
    pub(crate) bytes: Vec<u8>,
}

/// All inputs, and whom the target `odca_chain` trusts in them.
pub(crate) struct Seeds {
    pub(crate) inputs: Vec<Seed>,
    authority: Arc<SimulatorAuthority>,
}

impl Seeds {
    fn add(&mut self, target: &'static str, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let seed = Seed { target, name: name.into(), bytes: bytes.into() };
        if seed.bytes.len() <= 4096 {
            self.inputs.push(seed);
        }
    }

    /// Puts every seed into its folder, and the trusted certificates beside the code that trusts them.
    pub(crate) fn write(&self, project: &Path) -> std::io::Result<()> {
        for (name, der) in [("root", self.authority.root()), ("intermediate", self.authority.intermediate())] {
            std::fs::write(project.join(format!("src/fuzzing/{name}.der")), der)?;
        }
        for seed in &self.inputs {
            let folder = project.join("fuzz/corpus").join(seed.target);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(&seed.name), &seed.bytes)?;
        }
        Ok(())
    }
}

/// Runs both flows, and asks the simulator for the rest.
pub(crate) fn collect() -> Result<Seeds, Box<dyn Error>> {
    let authority = Arc::new(SimulatorAuthority::generate()?);
    let mut seeds = Seeds { inputs: Vec::new(), authority: Arc::clone(&authority) };
    for (major, minor, persona) in [(19, 0, "drops-listed"), (16, 1, "keeps-session"), (22, 0, "drops-odca")] {
        let version = AmtVersion::new(major, minor);
        let mut run = Run { of: format!("amt-{major}"), ..Run::default() };
        let (_, truth, _) = provision(version, persona.parse()?, &mut |heard| run.hear(&heard))?;
        if truth.mode != ControlMode::Admin {
            return Err(format!("AMT {version} ended in {}", truth.mode).into());
        }
        run.into_seeds(&mut seeds);
    }
    host_interface(&mut seeds)?;
    certificates(&mut seeds)?;
    configurations(&mut seeds);
    for (name, packet) in without_frame()? {
        seeds.add("compact_frames", name, [&[0][..], &packet].concat());
    }
    choices(&mut seeds);
    Ok(seeds)
}

/// What is heard in one run.
#[derive(Default)]
struct Run {
    of: String,
    frames: BTreeMap<String, String>,
    packets: BTreeMap<String, Vec<u8>>,
    up: Direction,
    down: Direction,
    records: Vec<Vec<u8>>,
    /// The plain request that waits for its reply, by class and verb.
    asked: Option<String>,
    replies: BTreeMap<String, Vec<u8>>,
}

impl Run {
    fn hear(&mut self, heard: &Heard<'_>) {
        match heard {
            Heard::ToServer(text) => {
                let message = ToServer::parse(text).expect("what the relay sends is read");
                if let (ToServer::Response(Data(bytes)), Some(call)) = (&message, &self.asked) {
                    self.replies.entry(call.clone()).or_default().extend(bytes);
                }
                let packet = self.up.of_relay(&message).expect("what fits a text frame fits a packet");
                self.frame("to-server", kind(&message), text, packet);
            }
            Heard::ToRelay(text) => {
                let message = ToRelay::parse(text).expect("what the server sends is read");
                if let ToRelay::Wsman(Data(bytes)) = &message {
                    self.asked = call(bytes);
                    // The last reply to each call is the one after the login.
                    if let Some((call, challenge)) =
                        self.asked.as_ref().and_then(|call| self.replies.remove_entry(call))
                    {
                        self.replies.insert(format!("{call}-challenged"), challenge);
                    }
                }
                let packet = self.down.of_server(&message).expect("what fits a text frame fits a packet");
                self.frame("to-relay", kind(&message), text, packet);
            }
            Heard::Record(bytes) => self.records.push(bytes.to_vec()),
        }
    }

    fn frame(&mut self, way: &str, kind: String, text: &str, packet: Option<Vec<u8>>) {
        let name = format!("{way}-{kind}");
        if let Some(packet) = packet {
            self.packets.entry(name.clone()).or_insert(packet);
        }
        self.frames.entry(name).or_insert_with(|| text.to_owned());
    }

    fn into_seeds(self, seeds: &mut Seeds) {
        let of = &self.of;
        for (name, text) in self.frames {
            seeds.add("json_messages", format!("{of}-{name}"), text);
        }
        for (name, packet) in self.packets {
            seeds.add("compact_frames", format!("{of}-{name}"), [&[0][..], &packet].concat());
        }
        for (number, record) in self.records.into_iter().enumerate().step_by(4) {
            seeds.add("snapshot", format!("{of}-record-{number}"), record);
        }
        for (call, reply) in self.replies {
            let mut whole = vec![64];
            whole.extend(&reply);
            seeds.add("http_response", format!("{of}-{call}"), whole);
            let response = ResponseDecoder::new(Limits::DEFAULT).decode(&mut &reply[..]);
            let Ok(Some(response)) = response else { continue };
            for challenge in response.fields.all("WWW-Authenticate") {
                seeds.add("digest_challenge", format!("{of}-{call}"), challenge);
            }
            if let Some(question) = question(&call) {
                seeds.add("wsman_reply", format!("{of}-{call}"), as_reply_to_seven(question, &response.body));
            }
        }
    }
}

/// The variant's name.
fn kind(message: &impl std::fmt::Debug) -> String {
    let text = format!("{message:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase()
}

fn call(request: &[u8]) -> Option<String> {
    let request = RequestDecoder::new(Limits::DEFAULT).decode(&mut &request[..]).ok()??;
    Some(read_request(&request.body, xml::Limits::DEFAULT).ok()?.call.to_string())
}

/// The question of the target `wsman_reply` to which this call's reply is an answer.
fn question(call: &str) -> Option<u8> {
    const LISTS: [&str; 5] = [
        "AMT_PublicKeyCertificate.",
        "CIM_ConcreteDependency.",
        "AMT_PublicPrivateKeyPair.",
        "AMT_TLSCredentialContext.",
        "AMT_TLSSettingData.",
    ];
    let list = (7..).zip(LISTS).find(|(_, class)| call.starts_with(class)).map(|(number, _)| number);
    list.or(match call {
        "AMT_GeneralSettings.Get" => Some(0),
        "IPS_HostBasedSetupService.Get" => Some(1),
        "AMT_SetupAndConfigurationService.Get" => Some(2),
        "AMT_SetupAndConfigurationService.GetUuid" => Some(3),
        "AMT_SetupAndConfigurationService.CommitChanges" => Some(4),
        "AMT_TimeSynchronizationService.GetLowAccuracyTimeSynch" => Some(5),
        "AMT_PublicKeyManagementService.GenerateKeyPair" => Some(6),
        _ => None,
    })
}

/// The body as the reply to the one message that the target expects replies to.
fn as_reply_to_seven(question: u8, body: &[u8]) -> Vec<u8> {
    const TAG: &str = "RelatesTo>";
    let text = String::from_utf8_lossy(body);
    let mut parts: Vec<&str> = text.splitn(3, TAG).collect();
    let seven = format!("{}</b:", MessageId(7));
    if let [_, related, _] = &mut parts[..] {
        *related = &seven;
    }
    [&[question][..], parts.join(TAG).as_bytes()].concat()
}

fn host_interface(seeds: &mut Seeds) -> Result<(), Box<dyn Error>> {
    let uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?;
    let device = Device::new(&DeviceConfig::new(uuid, AmtVersion::new(19, 0), Arc::clone(&seeds.authority)))?;
    let questions = [
        Request::GetCodeVersions,
        Request::GetUuid,
        Request::GetControlMode,
        Request::GetProvisioningState,
        Request::GetLocalSystemAccount,
        Request::EnumerateHashHandles,
        Request::GetCertHashEntry(HashHandle(1)),
        Request::GetPkiFqdnSuffix,
        Request::GetLanInterfaceSettings(LanInterface::Wired),
    ];
    for (number, question) in (0_u8..).zip(questions) {
        let asked = question.encode();
        let answer = device.answer_host(FirmwareClient::Pthi, &asked).ok_or("an answer")?;
        seeds.add("mei_message", format!("question-{number}"), [&[number][..], &asked].concat());
        seeds.add("mei_message", format!("answer-{number}"), [&[number][..], &answer].concat());
    }
    seeds.add("mei_message", "watchdog", [0, 0xC3]);
    let truth = device.truth(Instant::ZERO);
    assert_eq!(truth.mode, ControlMode::PreProvisioning, "a survey changes nothing");
    Ok(())
}

fn certificates(seeds: &mut Seeds) -> Result<(), Box<dyn Error>> {
    let authority = Arc::clone(&seeds.authority);
    let genuine = ChainShape::default();
    for (name, shape) in [
        ("genuine", genuine.clone()),
        ("svn-12", ChainShape::with_svn(12)),
        ("for-clients", ChainShape { purpose: LeafPurpose::ClientAuth, ..genuine.clone() }),
        ("p256", ChainShape { p256_at: Some(2), ..genuine.clone() }),
        ("too-short", ChainShape { authorities: genuine.authorities[1..].to_vec(), ..genuine }),
    ] {
        let mut bytes = Vec::new();
        for certificate in authority.device(&shape)?.chain {
            bytes.extend(u16::try_from(certificate.len())?.to_be_bytes());
            bytes.extend(&certificate[..]);
        }
        seeds.add("odca_chain", name, bytes);
    }
    let revoking = ListShape::revoking([authority.intermediate().clone()]);
    for (name, list) in [
        ("root", authority.root_list(&ListShape::default())?),
        ("root-revoking", authority.root_list(&revoking)?),
        ("product", authority.product_list(&ListShape::default())?),
        ("indirect", authority.indirect_list(&revoking)?),
    ] {
        seeds.add("revocation_list", format!("{name}.der"), list.to_vec());
        seeds.add("revocation_list", format!("{name}.pem"), pem::encode(&pem::Pem::new("X509 CRL", &list[..])));
    }
    Ok(())
}

fn configurations(seeds: &mut Seeds) {
    let smallest = "[server]\nlisten = \"127.0.0.1:8080\"\n\n[store]\npath = \"fleet.db\"\n\n";
    let office = "[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n";
    for (name, rest) in [
        ("smallest", String::new()),
        ("tenants", format!("{office}\n[[tenants]]\nname = \"acme\"\nprofiles = [\"office\"]\n")),
        ("acm", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"p.pfx\"\npassword_file = \"p\"\n".into()),
        ("odca", format!("{office}\n[odca]\nrevocation = \"required\"\ncrl_directory = \"crls\"\n")),
        (
            "auth",
            format!(
                "{office}\n[[server.auth.tokens]]\nname = \"a\"\ntenant = \"acme\"\nsha256 = \"{}\"\n",
                "0".repeat(64)
            ),
        ),
        (
            "everything",
            "[[profiles]]\nname = \"x\"\ngoal = \"acm\"\nflow_b = true\nadopt = { passwords = \"p\" }\n\
             without_acm = \"unprovision\"\nminimum = \"odca\"\ntrust_first_use = true\nactivation_commit = \"always\"\n"
                .into(),
        ),
    ] {
        seeds.add("config_file", name, format!("{smallest}{rest}"));
    }
}

/// Where bytes are choices any are as good as others; a fuzzer grows them.
fn choices(seeds: &mut Seeds) {
    let any = |length: u64| {
        let mut rng = Rng::new(length);
        (0..length).map(|_| rng.next_word() as u8).collect::<Vec<u8>>()
    };
    for (number, length) in [32, 64, 128, 256, 512].into_iter().enumerate() {
        for target in ["world", "provisioner_inputs", "relay_bytes", "tls_tunnel"] {
            seeds.add(target, format!("random-{number}"), any(length));
        }
        // The first byte says what becomes of a session of compact frames.
        for (first, name) in [(1, "cut"), (2, "lies")] {
            seeds.add("compact_frames", format!("{name}-{number}"), [&[first][..], &any(length)].concat());
        }
    }
}
