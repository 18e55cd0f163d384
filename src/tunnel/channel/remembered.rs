//! What outlives a connection: the digest session, which the firmware ties to its nonce and not to the connection
//! (wsman.md §1.6).

use amt_provision_fsm::provisioner::Provisioner;
use amt_provision_fsm::request::Login;

use crate::http::digest::{Account, Authorization, Challenge, Cnonce, DigestRealm, Refused, Reuse, Session};
use crate::http::{Fields, Response};

/// What a channel hands to the next one to the same device, so that a device which closes its connections need not
/// ask for the login each time. The default is to remember nothing, which is right after a new report of the relay.
#[derive(Debug, Default)]
pub struct Remembered {
    session: Option<(Login, Session)>,
    realm: Option<DigestRealm>,
    /// Challenges so far: a new one begins a new digest session.
    challenges: u64,
    /// Connections so far that were opened again within their channel.
    reopenings: u32,
}

/// How often connections may be opened again within their channels, in one run (G10). No run needs a quarter of it;
/// then each end of a connection ends its channel, and of those a run may have [`Provisioner::CHANNELS`].
pub const MAX_REOPENINGS: u32 = 2 * Provisioner::CHANNELS;

/// The number of a digest session. Chain and nonce of the way to ACM belong to one (wsman.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DigestSession(u64);

impl Remembered {
    /// Goes on as `login`. The challenge stays: AMT takes its nonce from another account as well, or asks anew.
    pub(super) fn log_in(&mut self, login: Login, account: Account) {
        self.session = Some(match self.session.take() {
            Some((known, session)) if known == login => (known, session),
            Some((_, mut session)) => {
                session.change_account(account, Reuse::KeepChallenge);
                (login, session)
            }
            None => (login, Session::new(account)),
        });
    }

    /// The answer to the device's challenge, if it has made one.
    pub(super) fn authorize(&mut self, cnonce: &Cnonce) -> Option<Authorization> {
        self.session.as_mut()?.1.authorize(cnonce)
    }

    /// The device answered 401. On `Ok` the request may be repeated.
    pub(super) fn challenged(&mut self, response: &Response) -> Result<(), Refused> {
        self.challenges += 1;
        if let Ok(Challenge { realm, .. }) = Challenge::parse(values(&response.fields)) {
            self.realm = Some(realm);
        }
        match &mut self.session {
            Some((_, session)) => session.challenged(values(&response.fields)),
            None => Ok(()),
        }
    }

    /// The device answered anything but 401.
    pub(super) const fn accepted(&mut self) {
        if let Some((_, session)) = &mut self.session {
            session.accepted();
        }
    }

    /// Counts a connection that is to be opened again; `false` when there have been too many.
    pub(super) const fn reopens(&mut self) -> bool {
        let may = self.reopenings < MAX_REOPENINGS;
        if may {
            self.reopenings += 1;
        }
        may
    }

    pub(super) const fn realm(&self) -> Option<&DigestRealm> {
        self.realm.as_ref()
    }

    pub(super) const fn digest_session(&self) -> DigestSession {
        DigestSession(self.challenges)
    }
}

fn values(fields: &Fields) -> impl Iterator<Item = &str> {
    fields.all("WWW-Authenticate")
}
