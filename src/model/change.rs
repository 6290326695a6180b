//! Change: what is to become of a setting that need not be set.

/// What is to become of a setting that need not be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It is set.
    Set(T),
}

impl<T> Change<T> {
    /// Returns the setting after the change.
    #[must_use]
    pub fn of(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new),
        }
    }
}
