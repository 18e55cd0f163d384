//! WS-Management.
pub mod namespace;
pub mod xml;
