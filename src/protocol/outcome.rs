//! How it ended: what `success` and `error` carry in `message`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Remark;
use super::envelope::{from_json, to_json};

/// What a terminal message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The status JSON that RPS writes at the end of its work.
    Report(StatusReport),
    /// A plain text: what RPS writes when it did not understand a message.
    Text(String),
}

/// The status JSON of RPS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// How the activation itself ended.
    #[serde(rename = "Status", default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How the network settings ended.
    #[serde(rename = "Network", default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How CIRA ended.
    #[serde(rename = "CIRAConnection", default, skip_serializing_if = "Option::is_none")]
    pub cira_connection: Option<String>,
    /// How TLS ended.
    #[serde(rename = "TLSConfiguration", default, skip_serializing_if = "Option::is_none")]
    pub tls_configuration: Option<String>,
    /// The same by component, for programs: `Activation`, `WiredNetwork`, `TLS` and others.
    #[serde(rename = "Components", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, Component>,
}

/// How one component ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Component {
    /// Whether it was reached.
    pub result: ComponentResult,
    /// `ACM`, `CCM` or another mode, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The reason or a remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// Whether a component was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComponentResult {
    /// It was.
    Success,
    /// It was tried and was not.
    Failure,
    /// The profile did not ask for it.
    NotApplicable,
}

impl Outcome {
    /// An outcome of one sentence, as a report.
    pub fn status(status: impl Into<String>) -> Self {
        Self::Report(StatusReport { status: Some(status.into()), ..StatusReport::default() })
    }

    /// Reads `message`. What is not the status JSON is a plain text: a terminal message always has an outcome.
    pub(crate) fn from_message(message: &str) -> Self {
        from_json("status", message.as_bytes()).map_or_else(|_| Self::Text(message.to_owned()), Self::Report)
    }

    /// What was tried and not reached, with why: RPS may well say `success` beside it (pair.md §3).
    pub fn shortfalls(&self) -> impl Iterator<Item = (Remark, Remark)> {
        let components = match self {
            Self::Report(report) => Some(&report.components),
            Self::Text(_) => None,
        };
        let failed = components.into_iter().flatten().filter(|(_, it)| it.result == ComponentResult::Failure);
        failed.map(|(name, it)| (Remark::new(name), Remark::new(it.details.as_deref().unwrap_or("no reason given"))))
    }

    pub(super) fn to_message(&self) -> String {
        match self {
            Self::Report(report) => to_json(report),
            Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Display for Outcome {
    /// For a person: the status, then what else there is; fit for a terminal, because the words are the server's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = match self {
            Self::Report(report) => report,
            Self::Text(text) => return Remark::new(text).fmt(f),
        };
        Remark::new(report.status.as_deref().unwrap_or("no status")).fmt(f)?;
        let others =
            [("network", &report.network), ("CIRA", &report.cira_connection), ("TLS", &report.tls_configuration)];
        let mut said = others.into_iter().filter_map(|(name, text)| text.as_ref().map(|text| (name, text)));
        said.try_for_each(|(name, text)| write!(f, "; {name}: {}", Remark::new(text)))
    }
}
