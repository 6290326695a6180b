//! Alias: a branch's id in Render's form, `dpg-` and twenty digits and letters and `-a`.
//!
//! It holds the number of the project's log and the revision in which the branch was born, and so
//! leads to the branch without anything to look it up in.

use std::fmt;
use std::str::FromStr;

use crate::model::digits;
use crate::model::revision::Revision;

const PREFIX: &str = "dpg-";

/// What the ids of Render's primary instances end with.
const SUFFIX: &str = "-a";

/// How many of the hundred bits are the revision's.
const REVISION_BITS: u32 = 36;

/// A branch's id in Render's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias {
    /// The number of its project's log.
    pub log: u64,
    /// The revision in which it was born.
    pub born: Revision,
}

/// The text is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form dpg-00000000000000000000-a")]
pub struct AliasError;

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from(self.log) << REVISION_BITS | u128::from(self.born.0);
        write!(f, "{PREFIX}{}{SUFFIX}", digits::write(bits))
    }
}

impl FromStr for Alias {
    type Err = AliasError;

    fn from_str(text: &str) -> Result<Self, AliasError> {
        let digits = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        let bits = digits.and_then(digits::read).ok_or(AliasError)?;
        let log = u64::try_from(bits >> REVISION_BITS).expect("sixty-four bits");
        let born = u64::try_from(bits & ((1 << REVISION_BITS) - 1)).expect("thirty-six bits");
        Ok(Self { log, born: Revision(born) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_alias_is_read_back_and_sorts_as_its_parts_do(
            a in (any::<u64>(), 0..1_u64 << REVISION_BITS),
            b in (any::<u64>(), 0..1_u64 << REVISION_BITS),
        ) {
            let alias = |(log, born)| Alias { log, born: Revision(born) };
            let (a, b) = (alias(a), alias(b));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }
    }

    #[test]
    fn an_alias_looks_like_renders() {
        let alias = Alias { log: u64::MAX, born: Revision(7) };
        assert_eq!(alias.to_string(), "dpg-vvvvvvvvvvvvu0000007-a");
        for text in ["", "dpg-", "dpg-vvvvvvvvvvvvu0000007", "dpg-vvvvvvvvvvvvu000000w-a"] {
            assert_eq!(text.parse::<Alias>(), Err(AliasError), "{text}");
        }
    }
}
