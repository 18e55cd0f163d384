//! How long tests wait for what has to come.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::time::Duration;

use smol::future::FutureExt;

/// For anything that takes no time at all, on a machine that is busy elsewhere.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Fails the test when `work` does not end.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    within(PATIENCE, work).await
}

/// The same for work that takes longer.
pub(crate) async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(patience).await;
        panic!("not done after {patience:?}")
    };
    work.or(late).await
}
