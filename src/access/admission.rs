//! Who is let in.

use rustls::pki_types::CertificateDer;

use super::identity::{Identity, Subject, TokenName};
use super::token::TokenHash;
use crate::store::Tenant;

/// Whom a listener lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches it.
    #[default]
    Anybody,
    /// Who shows one of these tokens, or a client certificate that the listener's TLS has verified. Without tokens, and
    /// with TLS that asks for no certificate, that is nobody.
    Known(Vec<KnownToken>),
}

/// A token that a server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownToken {
    /// What it is called.
    pub name: TokenName,
    /// Its hash: the token itself is with the relays alone.
    pub hash: TokenHash,
    /// Whose devices it is for; `None` for everybody's.
    pub tenant: Option<Tenant>,
}

/// Why a relay is not let in. The relay's operator is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It shows nothing.
    #[error("it shows neither a token nor a client certificate")]
    Nothing,
    /// Its token is none that is known.
    #[error("its token is unknown")]
    UnknownToken,
    /// What it shows is another kind of authorization.
    #[error("its authorization is no bearer token")]
    OtherScheme,
}

impl Access {
    /// Who a relay is. `authorization` is the value of that header, `certificate` the leaf that TLS has verified.
    ///
    /// # Errors
    /// [`Refusal`]. Whatever is shown must be good: a certificate does not make up for a wrong token.
    pub fn admit(
        &self,
        authorization: Option<&[u8]>,
        certificate: Option<&CertificateDer<'_>>,
    ) -> Result<Identity, Refusal> {
        let Self::Known(tokens) = self else { return Ok(Identity::Unasked) };
        match (authorization, certificate) {
            (Some(value), _) => {
                let shown = TokenHash::of(bearer(value).ok_or(Refusal::OtherScheme)?);
                // Every one is compared, so that the time tells nothing.
                let known =
                    tokens.iter().fold(None, |found, known| if known.hash == shown { Some(known) } else { found });
                let KnownToken { name, tenant, .. } = known.ok_or(Refusal::UnknownToken)?;
                Ok(Identity::Token { name: name.clone(), tenant: tenant.clone() })
            }
            (None, Some(certificate)) => Ok(Identity::Certificate(Subject::of(certificate))),
            (None, None) => Err(Refusal::Nothing),
        }
    }
}

/// The token of `Bearer TOKEN` (RFC 6750 §2.1; RFC 9110 §11.1: a scheme's case does not count).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, token: &str) -> KnownToken {
        KnownToken { name: name.parse().unwrap(), hash: TokenHash::of(token.as_bytes()), tenant: None }
    }

    #[test]
    fn a_known_token_names_its_relay_and_anything_else_is_refused() {
        let access = Access::Known(vec![known("a", "first"), known("b", "second")]);
        let admit = |value: &str| access.admit(Some(value.as_bytes()), None).map(|identity| identity.to_string());
        assert_eq!(admit("Bearer first"), Ok("token a".to_owned()));
        assert_eq!(admit("bearer  second "), Ok("token b".to_owned()));
        for value in ["Bearer third", "Bearer ", "Bearer firs", "Bearer first second"] {
            assert_eq!(admit(value), Err(Refusal::UnknownToken), "{value}");
        }
        for value in ["", "Bearer", "Bearerfirst", "Basic Zmlyc3Q6", "first"] {
            assert_eq!(admit(value), Err(Refusal::OtherScheme), "{value}");
        }
        assert_eq!(access.admit(None, None), Err(Refusal::Nothing));
    }

    #[test]
    fn a_certificate_does_not_make_up_for_a_wrong_token_and_no_tokens_let_nobody_in() {
        let certificate = rcgen::generate_simple_self_signed(["pc-7".to_owned()]).unwrap().cert;
        let access = Access::Known(Vec::new());
        assert!(matches!(access.admit(None, Some(certificate.der())), Ok(Identity::Certificate(_))));
        assert_eq!(access.admit(Some(b"Bearer x"), Some(certificate.der())), Err(Refusal::UnknownToken));
        assert_eq!(access.admit(None, None), Err(Refusal::Nothing));
        assert_eq!(Access::Anybody.admit(Some(b"Basic x"), None), Ok(Identity::Unasked));
    }
}
