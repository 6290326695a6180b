//! Refusals about operations.

use crate::model::id::OperationId;

/// Why something about an operation was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationRefusal {
    /// The operation has ended.
    #[error(
        "operation {id} has ended as {status}, so there is nothing to cancel, and nothing to try \
         again unless it failed or was cancelled"
    )]
    Ended {
        /// The operation.
        id: OperationId,
        /// As what it ended.
        status: &'static str,
    },
    /// The operation must come to its own end.
    #[error(
        "operation {0} removes the data of a deleted branch and cannot be cancelled; create another \
         branch from its parent instead"
    )]
    NotCancellable(OperationId),
    /// There is nothing to try the operation on any more.
    #[error("operation {0} cannot be tried again: its branch or its endpoint is gone")]
    WithoutPlace(OperationId),
}
