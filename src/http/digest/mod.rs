//! HTTP digest authentication as AMT does it: MD5, `qop=auth`, RFC 7616 and its forerunner RFC 2617 (wsman.md §1.6).
//!
//! MD5 and a scheme that protects no body are the firmware's choice. What protects us is the channel underneath; this
//! module only keeps the password itself off the wire and out of logs.
//!
//! ```
//! use amt_provision::http::digest::{Account, Challenge, Cnonce, DigestRealm, Ha1, Session, Verifier};
//!
//! let realm: DigestRealm = "Digest:727734D63A1FC0423736E48DA554E462".parse()?;
//! let ha1 = Ha1::new("admin", &realm, "P@ssw0rd");
//! let mut device = Verifier::new(realm.clone());
//! let mut session = Session::new(Account::new("admin", "P@ssw0rd"));
//!
//! assert!(session.authorize(&Cnonce::new([1; 16])).is_none(), "the first request goes without");
//! let challenge = device.challenge("B9AX94iAAAAAAAAAx6rrSfPHGUrx/3uA", false);
//! session.challenged([challenge.to_string().as_str()])?;
//! let authorization = session.authorize(&Cnonce::new([2; 16])).ok_or("no challenge")?;
//! let login = device.verify(&authorization.to_string(), "POST", |user| (user == "admin").then(|| ha1.clone()))?;
//! assert_eq!(login.username, "admin");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod challenge;
mod denied;
mod ha1;
mod params;
mod session;
#[cfg(test)]
mod tests;
mod verifier;

pub use answer::Answer;
pub use challenge::{Challenge, ChallengeError};
pub use denied::Denied;
pub use ha1::{DigestRealm, Ha1, RealmError};
pub use session::{Account, Authorization, Cnonce, MAX_REFUSALS, Refused, Reuse, Session};
pub use verifier::{Login, MAX_NONCES, Verifier};
