//! What Neon's branches have besides Postgres and branches here have not: always empty lists, for
//! the commands of Neon's clients that look at everything.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The buckets of a branch: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketsAnswer {
    pub buckets: Vec<Value>,
}

/// The functions of a branch: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionsAnswer {
    pub functions: Vec<Value>,
}

/// How many branches there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountAnswer {
    pub count: usize,
}
