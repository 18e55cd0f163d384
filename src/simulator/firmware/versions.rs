//! What differs from one firmware version to the next: one table (wsman.md §3.13, odca.md §2).

use amt_provision_fsm::firmware::{AmtVersion, KeySuite};

use crate::tunnel::tls::TlsVersion;

/// What the local ports speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalPorts {
    /// Plain text, until TLS is switched on.
    PlainAtFirst,
    /// TLS, from before provisioning on.
    TlsOnly,
}

/// Whether the network interface has plain ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemotePlain {
    /// It may have; `NonSecureConnectionsSupported` does not exist.
    Possible,
    /// They are gone, and `NonSecureConnectionsSupported` says so (odca.md §2.2).
    Gone,
}

/// When the default certificate is listed and bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultBinding {
    /// As the persona says.
    ByPersona,
    /// From the start, so that TLS is set up by a Put (odca.md §2.1).
    FromTheStart,
}

/// Which hashes provisioning chains and their signatures may have (wsman.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainHashes {
    /// SHA-256 and SigningAlgorithm 2.
    Sha256,
    /// Besides, SHA-384 and SigningAlgorithm 3.
    Both,
    /// SHA-384 and SigningAlgorithm 3, over RSA keys of 3072 bits and more.
    Sha384,
}

/// Whether there is a way to ACM that does not go through CCM (odca.md §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminSetup {
    /// There is.
    Enabled,
    /// The method answers that it is disabled.
    Disabled,
}

/// Whether the watchdog's answer has the bits for TLS on local ports (rpc-go.md §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsBits {
    /// It has not.
    Absent,
    /// It has.
    Present,
}

/// Which ciphers the TLS server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ciphers {
    /// All that are good.
    Usual,
    /// AES-256 with SHA-384 over P-384: AES-128, SHA-256 and P-256 are removed (odca.md §2.5).
    Strong,
}

/// What a firmware generation is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The first version of it.
    pub from: AmtVersion,
    /// The highest TLS version that it speaks; none speaks less than 1.2 to us.
    pub max_tls: TlsVersion,
    /// What its TLS server takes.
    pub ciphers: Ciphers,
    /// Its local ports.
    pub local: LocalPorts,
    /// Its network interface.
    pub remote_plain: RemotePlain,
    /// Its default certificate.
    pub default: DefaultBinding,
    /// Its watchdog's answer.
    pub tls_bits: TlsBits,
    /// Whether `AdminSetup` works.
    pub admin_setup: AdminSetup,
    /// What provisioning chains it takes.
    pub chains: ChainHashes,
    /// Properties of `AMT_GeneralSettings` that older ones lack, with what they are at first.
    pub general: &'static [(&'static str, &'static str)],
}

impl Generation {
    /// The generations, the oldest first. Each row says what is new in it.
    pub const ALL: [Self; 10] = {
        let amt_12 = Self {
            from: AmtVersion::new(12, 0),
            max_tls: TlsVersion::V1_2,
            ciphers: Ciphers::Usual,
            local: LocalPorts::PlainAtFirst,
            remote_plain: RemotePlain::Possible,
            default: DefaultBinding::ByPersona,
            tls_bits: TlsBits::Absent,
            admin_setup: AdminSetup::Enabled,
            chains: ChainHashes::Sha256,
            general: &[],
        };
        let amt_14 = Self { from: AmtVersion::new(14, 0), ..amt_12 };
        let amt_15 = Self {
            from: AmtVersion::new(15, 0),
            general: &[("DHCPSyncRequiresHostname", "0"), ("ThunderboltDockEnabled", "0")],
            ..amt_14
        };
        let amt_16_0 = Self {
            from: AmtVersion::new(16, 0),
            default: DefaultBinding::FromTheStart,
            general: &[("DHCPSyncRequiresHostname", "0"), ("OemID", ""), ("ThunderboltDockEnabled", "0")],
            ..amt_15
        };
        let amt_16_1 = Self {
            from: AmtVersion::new(16, 1),
            remote_plain: RemotePlain::Gone,
            tls_bits: TlsBits::Present,
            ..amt_16_0
        };
        let amt_18 = Self { from: AmtVersion::new(18, 0), ..amt_16_1 };
        let amt_19 = Self {
            from: AmtVersion::new(AmtVersion::FIRST_TLS_BEFORE_PROVISIONING, 0),
            local: LocalPorts::TlsOnly,
            default: DefaultBinding::ByPersona,
            admin_setup: AdminSetup::Disabled,
            ..amt_18
        };
        let amt_20 = Self { from: AmtVersion::new(20, 0), ..amt_19 };
        let amt_21 =
            Self { from: AmtVersion::new(21, 0), max_tls: TlsVersion::V1_3, chains: ChainHashes::Both, ..amt_20 };
        let amt_22 =
            Self { from: AmtVersion::new(22, 0), ciphers: Ciphers::Strong, chains: ChainHashes::Sha384, ..amt_21 };
        [amt_12, amt_14, amt_15, amt_16_0, amt_16_1, amt_18, amt_19, amt_20, amt_21, amt_22]
    };

    /// The generation of that version; what is older than AMT 12 counts as that.
    pub fn of(version: AmtVersion) -> Self {
        let [oldest, later @ ..] = Self::ALL;
        later.into_iter().rev().find(|generation| generation.from <= version).unwrap_or(oldest)
    }

    /// Its keys: RSA-2048, from AMT 22 on P-384 whose `DERKey` is a SubjectPublicKeyInfo (wsman.md §2.6).
    pub const fn suite(&self) -> KeySuite {
        self.from.suite()
    }
}

impl ChainHashes {
    /// Whether it has SHA-256.
    pub const fn has_sha256(self) -> bool {
        matches!(self, Self::Sha256 | Self::Both)
    }

    /// Whether it has SHA-384.
    pub const fn has_sha384(self) -> bool {
        matches!(self, Self::Sha384 | Self::Both)
    }

    /// Length of the shortest RSA key in a chain, in bits.
    pub const fn shortest_key(self) -> usize {
        if self.has_sha256() { 2048 } else { 3072 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_of_the_last_generation_that_had_begun() {
        let from = |major, minor| Generation::of(AmtVersion { hotfix: 7, ..AmtVersion::new(major, minor) }).from;
        for (version, expected) in
            [((11, 8), (12, 0)), ((13, 0), (12, 0)), ((16, 0), (16, 0)), ((17, 0), (16, 1)), ((25, 0), (22, 0))]
        {
            assert_eq!(from(version.0, version.1), AmtVersion::new(expected.0, expected.1));
        }
        assert!(Generation::ALL.is_sorted_by_key(|generation| generation.from));
    }

    #[test]
    fn the_core_and_the_simulator_agree_on_where_tls_begins_and_which_keys_there_are() {
        for generation in Generation::ALL {
            let tls_only = generation.local == LocalPorts::TlsOnly;
            assert_eq!(generation.from.must_have_local_tls(), tls_only);
            assert_eq!(generation.suite() == KeySuite::EcP384Sha384, generation.ciphers == Ciphers::Strong);
        }
    }
}
