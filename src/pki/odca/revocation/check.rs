//! A verified path, held against the lists (RFC 5280 §6.3.3).

use rustls::pki_types::UnixTime;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;

use super::entries::directory_name;
use super::list::{Reach, addresses};
use super::{Gap, Kind, Level, Revocation, RevocationList, RevocationPolicy, Revoked, Uncovered};
use crate::pki::odca::OdcaRefusal;
use crate::pki::odca::authority::{Authority, CaName};

impl Revocation {
    /// Judges a path, leaf first, by `above`: the authority that issued each of its certificates, so that the last is
    /// the root.
    pub(in crate::pki::odca) fn check(
        &self,
        path: &[Certificate],
        above: &[Authority],
        now: UnixTime,
    ) -> Result<(), OdcaRefusal> {
        let link = |(at, (level, certificate))| Link { level, certificate, above: above.get(at..).unwrap_or_default() };
        // From the top: what is revoked there says most.
        let from_the_top: Vec<_> = Level::ALL.into_iter().zip(path).enumerate().rev().map(link).collect();
        if let Some(revoked) = from_the_top.iter().find_map(|link| self.revoked(link)) {
            return Err(OdcaRefusal::Revoked(Box::new(revoked)));
        }
        if self.policy == RevocationPolicy::Required
            && let Some(uncovered) = from_the_top.iter().find_map(|link| self.uncovered(link, now))
        {
            return Err(OdcaRefusal::RevocationUnknown(Box::new(uncovered)));
        }
        Ok(())
    }

    /// The entry about a certificate in a list of any authority above it. An old list counts as a new one does: the
    /// worst that it can say too much is about a certificate that was on hold.
    fn revoked(&self, link: &Link<'_>) -> Option<Revoked> {
        let tbs = link.certificate.tbs_certificate();
        let (issuer, serial) = (CaName::from(tbs.issuer()), tbs.serial_number().as_bytes());
        self.lists.iter().find_map(|list| {
            let entry = list.entry(&issuer, serial)?;
            link.above.iter().any(|authority| list.is_of(authority)).then(|| Revoked {
                level: link.level,
                name: CaName::from(tbs.subject()),
                serial: serial.to_vec(),
                since: entry.since,
                reason: entry.reason,
                file: list.file().to_owned(),
                issuer: list.issuer().clone(),
            })
        })
    }

    /// Why a certificate that names lists is covered by none of them.
    fn uncovered(&self, link: &Link<'_>, now: UnixTime) -> Option<Uncovered> {
        let points = match link.certificate.tbs_certificate().get_extension::<CrlDistributionPoints>() {
            Ok(None) => return None,
            Ok(Some((_, CrlDistributionPoints(points)))) => points,
            Err(_) => Vec::new(),
        };
        let mut nearest = (Gap::Missing, String::new());
        for point in &points {
            match self.gap(link, point, now) {
                None => return None,
                Some(gap) if nearest.0 == Gap::Missing => nearest = (gap, addresses_of(point).join(", ")),
                Some(_) => {}
            }
        }
        let (gap, address) = nearest;
        let name = CaName::from(link.certificate.tbs_certificate().subject());
        Some(Uncovered { level: link.level, name, address, gap })
    }

    /// Why the list that a distribution point names does not cover the certificate; `None` if one does.
    fn gap(&self, link: &Link<'_>, point: &DistributionPoint, now: UnixTime) -> Option<Gap> {
        let Some((authority, kind)) = link.publisher(point) else { return Some(Gap::Missing) };
        let mut nearest = Gap::Missing;
        for list in self.lists.iter().filter(|list| *list.issuer() == authority.name && list.kind() == kind) {
            if !link.is_in_reach_of(list, point) {
                continue;
            }
            let file = list.file().to_owned();
            let gap = if !list.is_of(authority) {
                Gap::Forged { file }
            } else if now < list.this_update() {
                Gap::NotYet { file, this_update: list.this_update() }
            } else if list.is_stale(now) {
                Gap::Stale { file, next_update: list.next_update() }
            } else {
                return None;
            };
            // A genuine list that is too old says more than a forgery beside it.
            if matches!(nearest, Gap::Missing | Gap::Forged { .. }) {
                nearest = gap;
            }
        }
        Some(nearest)
    }
}

/// A certificate, and the authorities above it in the verified path: its issuer first, the root last.
struct Link<'a> {
    level: Level,
    certificate: &'a Certificate,
    above: &'a [Authority],
}

impl Link<'_> {
    /// Who publishes the list of a point: the certificate's issuer, or the authority that the point names.
    fn publisher(&self, point: &DistributionPoint) -> Option<(&Authority, Kind)> {
        if point.reasons.is_some() {
            return None;
        }
        match &point.crl_issuer {
            None => self.above.first().map(|issuer| (issuer, Kind::Direct)),
            Some(names) => {
                let name = directory_name(names)?;
                self.above.iter().find(|authority| authority.name == name).map(|named| (named, Kind::Indirect))
            }
        }
    }

    /// Whether a list is complete for this certificate: it may be about some only, or one of several (RFC 5280 §5.2.5).
    fn is_in_reach_of(&self, list: &RevocationList, point: &DistributionPoint) -> bool {
        let published = || addresses_of(point).iter().any(|address| list.addresses.contains(address));
        let reached = match list.reach {
            Reach::All => true,
            Reach::EndEntities => self.level == Level::Leaf,
            Reach::Authorities => self.level != Level::Leaf,
            Reach::Nobody => false,
        };
        reached && (list.addresses.is_empty() || published())
    }
}

fn addresses_of(point: &DistributionPoint) -> Vec<String> {
    match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => addresses(names),
        _ => Vec::new(),
    }
}
