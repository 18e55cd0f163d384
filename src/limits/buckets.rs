//! A token bucket for each of many, in bounded memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::PerMinute;

/// A bucket for each key. What is kept of one is when it will be full again; a full one needs no memory.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: PerMinute,
    /// How many keys are remembered at most. Of more, the ones that are soonest full are forgotten.
    room: usize,
    full_at: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Buckets<K> {
    const ROOM: usize = 16 * 1024;

    pub(crate) const fn new(rate: PerMinute) -> Self {
        Self { rate, room: Self::ROOM, full_at: BTreeMap::new() }
    }

    /// Takes one out of the key's bucket.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(crate) fn take(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.get(key).map_or(now, |at| now.max(*at)) + self.rate.interval();
        let wait = full_at.duration_since(now).saturating_sub(PerMinute::MINUTE);
        if !wait.is_zero() {
            return Err(wait);
        }
        if self.full_at.len() >= self.room && !self.full_at.contains_key(key) {
            self.make_room(now);
        }
        self.full_at.insert(key.clone(), full_at);
        Ok(())
    }

    fn make_room(&mut self, now: Instant) {
        self.full_at.retain(|_, at| now < *at);
        if self.full_at.len() >= self.room {
            let soonest = self.full_at.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            soonest.and_then(|key| self.full_at.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn buckets(per_minute: u32) -> Buckets<u32> {
        Buckets::new(PerMinute(NonZeroU32::new(per_minute).unwrap()))
    }

    #[test]
    fn a_bucket_gives_its_minute_at_once_and_then_one_for_each_interval() {
        let (mut buckets, now) = (buckets(3), Instant::now());
        assert_eq!([1, 1, 1].map(|key| buckets.take(&key, now)), [Ok(()); 3]);
        assert_eq!(buckets.take(&1, now), Err(Duration::from_secs(20)));
        assert_eq!(buckets.take(&2, now), Ok(()), "another's is another's");
        let later = now + Duration::from_secs(20);
        assert_eq!(buckets.take(&1, later), Ok(()));
        assert_eq!(buckets.take(&1, later), Err(Duration::from_secs(20)));
        let much_later = now + Duration::from_secs(3600);
        assert_eq!([1, 1, 1].map(|key| buckets.take(&key, much_later)), [Ok(()); 3], "it does not overflow");
        assert!(buckets.take(&1, much_later).is_err());
    }

    #[test]
    fn g10_keys_without_number_take_bounded_memory_and_the_emptiest_bucket_is_not_forgotten() {
        let (mut buckets, now) = (Buckets { room: 64, ..buckets(2) }, Instant::now());
        assert_eq!([0, 0].map(|key| buckets.take(&key, now)), [Ok(()); 2]);
        for key in 1..1000 {
            assert_eq!(buckets.take(&key, now), Ok(()));
        }
        assert_eq!(buckets.full_at.len(), 64);
        assert!(buckets.take(&0, now).is_err());
        assert_eq!(buckets.take(&1, now + PerMinute::MINUTE), Ok(()));
        assert_eq!(buckets.full_at.len(), 1, "the full ones are gone");
    }
}
