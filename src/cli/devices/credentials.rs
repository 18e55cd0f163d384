//! `devices credentials`: the passwords of a device, for a person who has to have them.

use std::io::{self, BufRead, IsTerminal, Write};

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::{Password as Mark, PasswordState, Record};
use rustls::pki_types::UnixTime;
use serde::Serialize;

use super::By;
use crate::cli::error::CliError;
use crate::cli::output::{HEADING, Output, row};
use crate::cli::stored::Stored;
use crate::password::Password;
use crate::store::{Account, AuditEntry, AuditEvent};

/// A password that the device has, or may have.
struct Credential {
    account: Account,
    mark: Mark,
    password: Password,
}

/// The one place where a password is printed.
#[derive(Serialize)]
struct CredentialView<'a> {
    account: String,
    number: u16,
    state: &'static str,
    password: &'a str,
}

/// What a person is asked for, and whether somebody was asked.
pub(super) enum Consent {
    /// `--yes`.
    Given,
    /// To be had at the terminal.
    Asked,
}

pub(super) async fn show(
    stored: &Stored<'_>,
    uuid: Uuid,
    (by, consent): (&By, Consent),
    out: &mut Output<'_>,
) -> Result<(), CliError> {
    let record = stored.device(uuid).await?.record?;
    ask(uuid, consent)?;
    stored.store.unlock(UnixTime::now()).await?;
    let mut credentials = Vec::new();
    for (account, mark) in wanted(&record) {
        let password = stored.store.password(stored.tenant, uuid, account, mark.id).await?;
        credentials.push(Credential { account, mark, password });
    }
    // Nobody sees one without a line about it: whoever reads from a pipe may be gone before the end.
    let entry = AuditEntry { stamp: by.stamp(), event: AuditEvent::Revealed };
    stored.store.append_audit(stored.tenant, uuid, &[entry]).await?;
    print(uuid, &credentials, out)
}

/// The confirmed admin password, or each that the device may have; and that of the MEBx.
fn wanted(record: &Record) -> Vec<(Account, Mark)> {
    let admin: Vec<Mark> = match record.admin.confirmed() {
        Some(confirmed) => vec![*confirmed],
        None => record.admin.candidates().copied().collect(),
    };
    let admin = admin.into_iter().map(|mark| (Account::Admin, mark));
    admin.chain(record.mebx.map(|mark| (Account::Mebx, mark))).collect()
}

fn ask(uuid: Uuid, consent: Consent) -> Result<(), CliError> {
    match consent {
        Consent::Given => return Ok(()),
        Consent::Asked if io::stdin().is_terminal() => {}
        Consent::Asked => {
            return Err(CliError::Usage("nobody can be asked: add --yes to have the passwords printed".to_owned()));
        }
    }
    let mut stderr = anstream::stderr();
    write!(stderr, "Print the passwords of device {uuid}? It is written into the audit log. Type yes: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::Usage("nothing was printed".to_owned())) }
}

fn print(uuid: Uuid, credentials: &[Credential], out: &mut Output<'_>) -> Result<(), CliError> {
    let views: Vec<CredentialView<'_>> = credentials.iter().map(CredentialView::of).collect();
    let value = serde_json::json!({ "uuid": uuid.to_string(), "credentials": &views });
    Ok(out.either(&value, |to| {
        writeln!(to, "{HEADING}device {uuid}{HEADING:#}")?;
        if views.is_empty() {
            return row(to, "passwords", "none yet");
        }
        views.iter().try_for_each(|view| {
            row(to, &view.account, view.password)?;
            row(to, "", format_args!("number {}, {}", view.number, view.state))
        })
    })?)
}

impl<'a> CredentialView<'a> {
    fn of(credential: &'a Credential) -> Self {
        let state = match (credential.account, credential.mark.state) {
            (Account::Mebx, _) => "set; the device cannot be asked for it",
            (Account::Admin, PasswordState::Confirmed) => "confirmed: the device has taken it",
            (Account::Admin, PasswordState::Intended) => "intended: the device may have it",
            (Account::Admin, PasswordState::Retired) => "retired: the device may have it still",
        };
        Self {
            account: credential.account.to_string(),
            number: credential.mark.id.0,
            state,
            password: credential.password.expose(),
        }
    }
}
