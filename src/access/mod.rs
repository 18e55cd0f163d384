//! Who a relay is, before it has said a word.
//!
//! ```text
//!   relay: Token ─▶ Authorization: Bearer ─┐
//!          client certificate ─▶ TLS ──────┴─▶ Access::admit ─▶ Identity, or a refusal: status 401
//! ```
//!
//! A relay stays untrusted whoever it is: what it proves here is that it may ask, and for whose devices. The server
//! stores of a token no more than its hash.
//!
//! ```
//! use amt_provision::access::{Access, Identity, KnownToken, Token};
//!
//! let token: Token = "qL3v9PzT0aXyB7mNcR5sWg".parse()?;
//! let known = KnownToken { name: "site-a".parse()?, hash: token.hash(), tenant: Some("acme".parse()?) };
//! let access = Access::Known(vec![known]);
//! let identity = access.admit(Some(b"Bearer qL3v9PzT0aXyB7mNcR5sWg"), None)?;
//! assert!(identity.may_serve(&"acme".parse()?) && !identity.may_serve(&"other".parse()?));
//! assert!(access.admit(None, None).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod identity;
mod token;

pub use admission::{Access, KnownToken, Refusal};
pub use identity::{Identity, Subject, TokenName, TokenNameError};
pub use token::{Token, TokenError, TokenFileError, TokenHash, TokenHashError};
