//! Instances that are known by their InstanceID.

use crate::wsman::reference::{Reference, Selector};
use crate::wsman::resource::ResourceUri;

pub(super) fn reference(resource: ResourceUri, instance_id: &str) -> Reference {
    Reference::new(resource, [Selector::instance_id(instance_id)])
}

/// The InstanceID in `reference`; `None` when that is one of another class.
pub(super) fn named_by(reference: &Reference, resource: &ResourceUri) -> Option<String> {
    let id = reference.selector("InstanceID")?;
    (reference.resource == *resource).then(|| id.to_owned())
}
