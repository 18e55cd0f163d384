use amt_provision_fsm::channel::{FirstUse, Pinned, TrustFirstUse};
use amt_provision_fsm::policy::FirstUseTrust;
use amt_provision_fsm::request::{Request, Upgrade};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::CertReplaced;

fn upgrade(session: &Session<CertReplaced, Pinned<FirstUse>>, signature: Upgrade) -> Option<Request> {
    let word = TrustFirstUse::by_profile(FirstUseTrust::Trusted)?;
    let right = session.channel().grant_by(word);
    Some(session.request_granted(signature, &right))
}

fn main() {
    let _ = upgrade;
}
