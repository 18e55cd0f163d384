//! `[[tenants]]`: who may ask for which profile.

use super::model::{Profile, TenantRule};
use super::read::Value;
use crate::protocol::ProfileName;
use crate::store::Tenant;

/// `profiles` is `None` where a mistake among them has been told: then they cannot be looked up.
pub(super) fn read(value: Value<'_>, profiles: Option<&[Profile]>) -> Option<Vec<TenantRule>> {
    let mut rules: Vec<TenantRule> = Vec::new();
    let mut whole = true;
    for section in value.sections("[[tenants]]", &["name", "profiles"])? {
        let name = section.required("name", "name = \"\" for the default tenant");
        let tenant = name.and_then(|value| {
            let tenant: Tenant = value.parse()?;
            if rules.iter().any(|rule| rule.tenant == tenant) {
                return value.mistake(format_args!("is \"{tenant}\" for the second time: keep one"));
            }
            Some(tenant)
        });
        let allowed = section.or("profiles", Vec::new(), |value| {
            value.items()?.map(|item| known(&item, profiles)).collect::<Vec<_>>().into_iter().collect()
        });
        match tenant.zip(allowed) {
            Some((tenant, profiles)) => rules.push(TenantRule { tenant, profiles }),
            None => whole = false,
        }
    }
    whole.then_some(rules)
}

fn known(value: &Value<'_>, profiles: Option<&[Profile]>) -> Option<ProfileName> {
    let name: ProfileName = value.parse()?;
    match profiles {
        Some(profiles) if !profiles.iter().any(|profile| profile.name == name) => {
            value.mistake(format_args!("names \"{name}\", and no [[profiles]] has that name: add it"))
        }
        _ => Some(name),
    }
}
