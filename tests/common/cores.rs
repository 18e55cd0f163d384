//! Many cases on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `count` of them, spread evenly, or all if there are fewer.
pub(crate) fn evenly<T>(all: &[T], count: usize) -> Vec<&T> {
    let count = count.min(all.len());
    (0..count).filter_map(|n| all.get(n * all.len() / count)).collect()
}

/// What `run` makes of each, in no order.
pub(crate) fn on_all_cores<'a, T: Sync, R: Send>(cases: &'a [T], run: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let case = || cases.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(case).map(&run).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}
