//! Where the database is, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// What may stand behind the question mark.
const PARAMETERS: &[&str] =
    &["host", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"];

/// Where a PostgreSQL database is: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. A password is better kept
/// in `PGPASSWORD` or `~/.pgpass`. No text of it shows the password.
#[derive(Clone)]
pub struct PostgresAddress(PgConnectOptions);

/// An address that is none: the fault of whoever wrote it. The address itself is not repeated: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresAddressError {
    /// It cannot be read.
    #[error("not the address of a database: expected postgres://USER@HOST/DATABASE")]
    Unreadable,
    /// It says something that nobody understands.
    #[error("the address has the parameter `{0}`: expected one of {known}", known = PARAMETERS.join(", "))]
    Parameter(String),
    /// It names no database.
    #[error("the address names no database: expected postgres://USER@HOST/DATABASE")]
    NoDatabase,
    /// Passwords and keys would go over a network to somebody who has not shown who it is.
    #[error(
        "the address leads over a network, and nobody proves that it leads to the database: add \
         ?sslmode=verify-full&sslrootcert=FILE, or sslmode=disable if something else protects the way"
    )]
    Unproven,
}

impl PostgresAddress {
    /// Whether it leads over a network without TLS, because it says so.
    pub fn is_unprotected(&self) -> bool {
        !self.is_local() && matches!(self.0.get_ssl_mode(), PgSslMode::Disable)
    }

    fn is_local(&self) -> bool {
        let host = self.0.get_host();
        self.0.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    pub(super) const fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl FromStr for PostgresAddress {
    type Err = PostgresAddressError;

    fn from_str(text: &str) -> Result<Self, PostgresAddressError> {
        // The database library would ignore a mistyped parameter, and log its value.
        let (_, parameters) = text.split_once('?').unwrap_or_default();
        let names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
        if let Some(unknown) = names.filter(|name| !name.is_empty()).find(|name| !PARAMETERS.contains(name)) {
            return Err(PostgresAddressError::Parameter(unknown.to_owned()));
        }
        let options: PgConnectOptions = text.parse().map_err(|_| PostgresAddressError::Unreadable)?;
        if options.get_database().is_none() {
            return Err(PostgresAddressError::NoDatabase);
        }
        let address = Self(options);
        match address.0.get_ssl_mode() {
            PgSslMode::VerifyFull | PgSslMode::Disable => Ok(address),
            _ if address.is_local() => Ok(address),
            _ => Err(PostgresAddressError::Unproven),
        }
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        write!(f, "postgres://{}@", options.get_username())?;
        match options.get_socket() {
            Some(socket) => write!(f, "{}", socket.display())?,
            None => write!(f, "{}:{}", options.get_host(), options.get_port())?,
        }
        write!(f, "/{}", options.get_database().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g1_a_database_over_a_network_proves_itself_or_the_address_says_that_it_need_not() {
        for (address, verdict) in [
            ("postgres://amt@db.example/fleet", Err(PostgresAddressError::Unproven)),
            ("postgres://amt@db.example/fleet?sslmode=require", Err(PostgresAddressError::Unproven)),
            ("postgres://amt@db.example/fleet?sslmode=verify-ca", Err(PostgresAddressError::Unproven)),
            ("postgres://amt@[2001:db8::1]/fleet", Err(PostgresAddressError::Unproven)),
            ("postgres://amt@db.example/fleet?sslmode=verify-full", Ok(false)),
            ("postgresql://amt@db.example/fleet?sslmode=disable", Ok(true)),
            ("postgres://amt@127.0.0.1/fleet", Ok(false)),
            ("postgres://amt@[::1]:5433/fleet?sslmode=disable", Ok(false)),
            ("postgres://amt@localhost/fleet", Ok(false)),
            ("postgres://amt@%2Frun%2Fpostgresql/fleet", Ok(false)),
            ("postgres:///fleet?host=/run/postgresql&user=amt", Ok(false)),
            (
                "postgres://amt@localhost/fleet?sslmod=disable&sslmode=disable",
                Err(PostgresAddressError::Parameter("sslmod".to_owned())),
            ),
            ("postgres://amt@localhost", Err(PostgresAddressError::NoDatabase)),
            ("postgres://amt@localhost:port/fleet", Err(PostgresAddressError::Unreadable)),
        ] {
            let read = address.parse::<PostgresAddress>().map(|address| address.is_unprotected());
            assert_eq!(read, verdict, "{address}");
        }
    }

    #[test]
    fn g1_no_text_of_an_address_shows_its_password() {
        let address: PostgresAddress = "postgres://amt:C4nary@localhost:5433/fleet".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://amt@localhost:5433/fleet");
        assert!(!format!("{address:?}").contains("C4nary"));
        let error = "postgres://amt:C4nary@db.example/fleet".parse::<PostgresAddress>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("C4nary"));
    }
}
