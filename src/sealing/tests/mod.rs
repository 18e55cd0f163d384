//! Keys, where they are kept, and what is sealed under them.

mod keys;
mod sources;
mod vault;
mod vault_double;
