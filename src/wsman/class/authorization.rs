//! `AMT_AuthorizationService` (wsman.md §2.4): the administrator's password.

use crate::http::digest::Ha1;
use crate::wsman::call::{Call, Parameter};
use crate::wsman::properties::Properties;
use crate::wsman::query::Query;
use crate::wsman::resource::ResourceUri;
use crate::wsman::status::PtStatus;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_AuthorizationService");

/// Changes the password of `admin` to the one with this hash. From the reply on, only the new one is taken.
pub fn set_admin_acl_entry_ex(admin: &Ha1) -> Query<Result<(), PtStatus>> {
    let parameters = [("Username", Parameter::from("admin")), ("DigestPassword", Parameter::Text(admin.to_base64()))];
    Query::new(Call::invoke(RESOURCE, "SetAdminAclEntryEx", parameters), |body| {
        let output = Properties::of_output(body.as_ref(), &RESOURCE, "SetAdminAclEntryEx")?;
        output.return_value(PtStatus::from_code)
    })
}
