//! The classes that the simulated firmware has.

use crate::wsman::ResourceUri;

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $schema:literal $name:literal;)*) => {
        /// A class that the simulated firmware has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $($(#[$doc])* $class,)*
        }

        impl Class {
            const ALL: &[Self] = &[$(Self::$class),*];

            /// Its URI.
            pub const fn uri(self) -> ResourceUri {
                match self {
                    $(Self::$class => ResourceUri::known(concat!($schema, $name)),)*
                }
            }

            /// Its name, such as `AMT_GeneralSettings`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$class => $name,)*
                }
            }
        }
    };
}

classes! {
    /// Who may do what; here only the admin's password.
    AuthorizationService = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_AuthorizationService";
    /// Host name, realm, network switches.
    GeneralSettings = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_GeneralSettings";
    /// Stored certificates.
    PublicKeyCertificate = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_PublicKeyCertificate";
    /// Generates keys, takes certificates.
    PublicKeyManagementService = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_PublicKeyManagementService";
    /// Stored keys.
    PublicPrivateKeyPair = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_PublicPrivateKeyPair";
    /// Commits, leaves provisioning, tells the UUID.
    SetupAndConfigurationService = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_SetupAndConfigurationService";
    /// The device's clock.
    TimeSynchronizationService = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_TimeSynchronizationService";
    /// Which certificate TLS shows.
    TlsCredentialContext = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_TLSCredentialContext";
    /// TLS on each interface.
    TlsSettingData = "http://intel.com/wbem/wscim/1/amt-schema/1/" "AMT_TLSSettingData";
    /// Which key a certificate is of.
    ConcreteDependency = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/" "CIM_ConcreteDependency";
    /// Control mode, and the ways from one to the next.
    HostBasedSetupService = "http://intel.com/wbem/wscim/1/ips-schema/1/" "IPS_HostBasedSetupService";
}

impl Class {
    /// Every class.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied()
    }

    /// The class with that URI.
    pub fn of(resource: &ResourceUri) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.uri() == *resource)
    }
}

/// What a credential context binds a certificate to; nothing can be asked of it.
pub(super) const ENDPOINT_COLLECTION: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TLSProtocolEndpointCollection");
