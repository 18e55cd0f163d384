//! What instances with an InstanceID are known by.

/// A type for the InstanceID of one class, so that a key is never taken for a certificate.
macro_rules! instance_handle {
    ($(#[$doc:meta])* $name:ident of $resource:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The handle with that InstanceID.
            pub fn new(instance_id: impl Into<String>) -> Self {
                Self(instance_id.into())
            }

            /// The InstanceID.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A reference to the instance.
            pub fn reference(&self) -> $crate::wsman::Reference {
                $crate::wsman::Reference::new($resource, [$crate::wsman::Selector::instance_id(&*self.0)])
            }

            /// The instance that `reference` names; `None` when that is one of another class.
            pub fn from_reference(reference: &$crate::wsman::Reference) -> Option<Self> {
                let id = reference.selector("InstanceID")?;
                (reference.resource == $resource).then(|| Self(id.to_owned()))
            }
        }
    };
}

pub(super) use instance_handle;
