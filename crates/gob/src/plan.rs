//! How a remote type maps onto a local one.
/// Plans of one table.
#[derive(Default)]
pub(crate) struct PlanCache;
