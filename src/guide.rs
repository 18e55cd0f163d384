//! For integrators: what to hold on to, where to put your own parts, and how to know that they are right.
//!
//! There is no code in this module. Each section has an example that `cargo test` runs.
//!
//! # Which part do I take?
//!
//! | you have | you take | you write |
//! |---|---|---|
//! | nothing but PCs | the command `amt-provision` | a configuration |
//! | a database of devices, or profiles that come from elsewhere | [`server::serve`] with a [`server::Deployment`] | [`store::Store`], [`server::Profiles`], [`server::Observer`] |
//! | a connection to the PC that is no WebSocket | [`server::Conversation`], [`relay::line::Line`] | what carries text, and what is stored |
//! | a WS-Management stack, or another way to the firmware altogether | [`fsm::provisioner::Provisioner`] | a driver |
//! | firmware that behaves like no other | a persona | a value |
//!
//! All of these machines have one contract, and it is four lines: *hand one input over, take every output, ask when
//! something is due, wait for an input or for that time, whichever comes first.* Inputs are total: what does not fit
//! changes nothing, and what a peer says never panics.
//!
//! # Your own transport
//!
//! `examples/own_transport.rs` runs both ends without a socket: a [`Conversation`](crate::server::Conversation) on the server's
//! side, a [`Line`](crate::relay::line::Line) on the relay's, strings in between. What is yours in it:
//!
//! * **the text** that goes to and fro, in order and whole; who is at the other end is for [`access`] or for you to know;
//! * **the store**: [`Job::Persist`](crate::server::Job::Persist) is answered when record *and* passwords are safe from a power cut,
//!   and not before. Nothing irreversible leaves until then, so an answer that comes too early is the one mistake
//!   that can lose a device. Compare and swap on the generation, or have one writer for each device (G2, G3, G13);
//! * **the time**: any that does not go back, and a rough wall clock beside it for certificates;
//! * **the way to the firmware**: [`mei::MeiTransport`], if it is not the kernel's.
//!
//! # Your own driver
//!
//! `examples/own_driver_in_the_world.rs` is a whole driver in a hundred lines, and holds it against the model device of
//! feature `sim`. Every output is one thing to do:
//!
//! | output | what a driver does | and says |
//! |---|---|---|
//! | `Open` | connects to one of two ports | `Opened`, `OpenFailed` |
//! | `StartTls` | a handshake that may show what is expected, and nothing else | `TlsUp` with the peer *as TLS authenticated it*, `TlsFailed` |
//! | `Request` | asks, logged in as it is told | `Reply`, or `ChannelLost` when nobody can say |
//! | `Persist` | makes it durable, and the passwords that it names for the first time | `Persisted`, `PersistFailed` |
//! | `Issue` | has a certificate issued over a key | `Issued`, `NotIssued` |
//! | `Close`, `Moved`, `Done` | closes; writes an audit log; stops | |
//!
//! Then the test that matters: for each step and each fault (a cut, a lost reply, a crash, a full disk) one run, the
//! guarantees as [functions](crate::fsm#the-device-model-and-the-world) after each event, and at the end the *device's* own word. A driver that
//! reports a lost reply as a refusal, or "stored" too early, fails there. The `World` of `sim` adds a relay, a clock and
//! pipes, and the module `world`, with the same feature here, is the same with every byte in it: TLS, HTTP, messages.
//!
//! # A new persona
//!
//! `examples/new_persona.rs` describes a firmware twice: for the model, which takes thousands of cases with faults in a
//! second, and for the [`simulator`], which speaks TLS, HTTP and WS-Management. What your device showed goes into both. If a
//! guarantee does not hold for it, the world says which one, at which event, by a seed that says it again.
//!
//! # What holds
//!
//! Tests and comments cite these by number; `tests/README.md` names the tests that show each of them.
//!
//! | | |
//! |---|---|
//! | G1 | no secret on an unproven channel |
//! | G2 | credentials are durable before the request that sets them exists |
//! | G3 | the hash of a key is durable before the commit that makes the device show it |
//! | G4 | every TLS session is typed by what proved its peer; there is no "skip verification" |
//! | G5 | no downgrade from a confirmed pin without an operator's single-use permit |
//! | G6 | what must not be applied twice is sent again only after a look over a fresh channel showed that it was not applied |
//! | G7 | a crash, cut or reboot at any point leaves a device that the next run finishes, its password known |
//! | G8 | everything ends: every wait has a deadline with a reason |
//! | G9 | the relay is a pipe to two ports of one loopback address, and no more |
//! | G10 | every queue, message, chain and reply is bounded |
//! | G11 | no input from a peer panics anything; errors say who is to blame |
//! | G12 | the core is deterministic: same inputs, same log, byte for byte |
//! | G13 | one driver for each device: a server that has lost its lease stops before the next irreversible request |
//!
//! # Holding your changes to it
//!
//! ```sh
//! cargo test --test examples --test corpus     # the examples, and every input that a fuzzer found worth keeping
//! cargo test --test world --test model         # the core in its world; everything that can happen, in a box
//! fuzz/run --seconds 60                        # the promises of every parser and machine, under a fuzzer
//! scripts/mutants --minutes 30                 # whether a test fails when the code decides otherwise
//! cargo bench                                  # what a decision and its bytes cost
//! ```
//!
//! [`access`]: crate::access
//! [`fsm::provisioner::Provisioner`]: crate::fsm::provisioner::Provisioner
//! [`mei::MeiTransport`]: crate::mei::MeiTransport
//! [`relay::line::Line`]: crate::relay::line::Line
//! [`server::Conversation`]: crate::server::Conversation
//! [`server::Deployment`]: crate::server::Deployment
//! [`server::Observer`]: crate::server::Observer
//! [`server::Profiles`]: crate::server::Profiles
//! [`server::serve`]: crate::server::serve
//! [`simulator`]: crate::simulator
//! [`store::Store`]: crate::store::Store
