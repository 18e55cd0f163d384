//! What methods return: PT_STATUS and the classes' own lists (wsman.md §2.20, §2.1).

/// A list of return values other than 0. A value that nobody has documented keeps its number.
macro_rules! return_values {
    ($(#[$doc:meta])* $name:ident { $($code:literal $variant:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ::thiserror::Error)]
        pub enum $name {
            $(
                #[doc = concat!(stringify!($code), ": ", $text, ".")]
                #[error("{} ({})", $text, $code)]
                $variant,
            )*
            /// A value that is not in the list.
            #[error("{0}")]
            Undocumented(core::num::NonZeroU32),
        }

        impl $name {
            /// All values that have a name.
            pub const NAMED: &[Self] = &[$(Self::$variant),*];

            /// What the firmware's number means; `None` for 0, which is success.
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    code => match core::num::NonZeroU32::new(code) {
                        Some(code) => Some(Self::Undocumented(code)),
                        None => None,
                    },
                }
            }

            /// The firmware's number.
            pub const fn code(self) -> u32 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Undocumented(code) => code.get(),
                }
            }
        }
    };
}

return_values! {
    /// Why most AMT methods refuse.
    PtStatus {
        1 InternalError "INTERNAL_ERROR",
        3 InvalidPtMode "INVALID_PT_MODE",
        9 InvalidRegistrationData "INVALID_REGISTRATION_DATA",
        10 ApplicationDoesNotExist "APPLICATION_DOES_NOT_EXIST",
        11 NotEnoughStorage "NOT_ENOUGH_STORAGE",
        12 InvalidName "INVALID_NAME",
        13 BlockDoesNotExist "BLOCK_DOES_NOT_EXIST",
        14 InvalidByteOffset "INVALID_BYTE_OFFSET",
        15 InvalidByteCount "INVALID_BYTE_COUNT",
        16 NotPermitted "NOT_PERMITTED",
        17 NotOwner "NOT_OWNER",
        18 BlockLockedByOther "BLOCK_LOCKED_BY_OTHER",
        19 BlockNotLocked "BLOCK_NOT_LOCKED",
        20 InvalidGroupPermissions "INVALID_GROUP_PERMISSIONS",
        21 GroupDoesNotExist "GROUP_DOES_NOT_EXIST",
        22 InvalidMemberCount "INVALID_MEMBER_COUNT",
        23 MaxLimitReached "MAX_LIMIT_REACHED",
        24 InvalidAuthType "INVALID_AUTH_TYPE",
        26 InvalidDhcpMode "INVALID_DHCP_MODE",
        27 InvalidIpAddress "INVALID_IP_ADDRESS",
        28 InvalidDomainName "INVALID_DOMAIN_NAME",
        30 RequestUnexpected "REQUEST_UNEXPECTED",
        32 InvalidProvisioningState "INVALID_PROVISIONING_STATE",
        34 InvalidTime "INVALID_TIME",
        35 InvalidIndex "INVALID_INDEX",
        36 InvalidParameter "INVALID_PARAMETER",
        37 InvalidNetmask "INVALID_NETMASK",
        38 FlashWriteLimitExceeded "FLASH_WRITE_LIMIT_EXCEEDED",
        2050 UnsupportedBootOption "UNSUPPORTED_BOOT_OPTION",
        2051 InvalidCommand "INVALID_COMMAND",
        2053 InvalidHandle "INVALID_HANDLE",
        2054 InvalidPassword "INVALID_PASSWORD",
        2055 InvalidRealm "INVALID_REALM",
        2056 StorageAclEntryInUse "STORAGE_ACL_ENTRY_IN_USE",
        2057 DataMissing "DATA_MISSING",
        2058 Duplicate "DUPLICATE",
        2059 EventlogFrozen "EVENTLOG_FROZEN",
        2060 PkiMissingKeys "PKI_MISSING_KEYS",
        2061 PkiGeneratingKeys "PKI_GENERATING_KEYS",
        2062 InvalidKey "INVALID_KEY",
        2063 InvalidCert "INVALID_CERT",
        2064 CertKeyNotMatch "CERT_KEY_NOT_MATCH",
        2065 MaxKerbDomainReached "MAX_KERB_DOMAIN_REACHED",
        2066 Unsupported "UNSUPPORTED",
        2067 InvalidPriority "INVALID_PRIORITY",
        2068 NotFound "NOT_FOUND",
        2069 InvalidCredentials "INVALID_CREDENTIALS",
        2070 InvalidPassphrase "INVALID_PASSPHRASE",
        2072 NoAssociation "NO_ASSOCIATION",
        2075 AuditFail "AUDIT_FAIL",
        2076 BlockingComponent "BLOCKING_COMPONENT",
        2081 UserConsentRequired "USER_CONSENT_REQUIRED",
        2082 OperationInProgress "OPERATION_IN_PROGRESS",
    }
}

return_values! {
    /// Why Setup, AdminSetup and UpgradeClientToAdmin refuse.
    SetupStatus {
        1 InternalError "internal error",
        2 InvalidState "invalid state",
        3 InvalidParameter "invalid parameter",
        4 MethodDisabled "method disabled",
        5 AuthenticationFailed "signature or certificate chain rejected",
        6 FlashWriteLimitExceeded "flash write limit exceeded",
    }
}

return_values! {
    /// Why AddNextCertInChain refuses.
    ChainStatus {
        1 InvalidParameter "invalid parameter",
        2 InternalError "internal error",
        3 InvalidState "invalid state",
        4 VerifyFailed "certificate not accepted: root hash not in the device's table, wrong usage, order or key",
        5 ChainTooLong "too many certificates in the chain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_keeps_its_meaning() {
        for code in 1..3000 {
            assert_eq!(PtStatus::from_code(code).map(PtStatus::code), Some(code));
            assert_eq!(SetupStatus::from_code(code).map(SetupStatus::code), Some(code));
            assert_eq!(ChainStatus::from_code(code).map(ChainStatus::code), Some(code));
        }
        assert_eq!(PtStatus::from_code(0), None);
        assert_eq!(PtStatus::from_code(2057), Some(PtStatus::DataMissing));
        assert_eq!(PtStatus::DataMissing.to_string(), "DATA_MISSING (2057)");
    }
}
