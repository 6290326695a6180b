//! Annotations: what the maker of a branch notes about it, for tools of its own.

use std::collections::BTreeMap;

/// How many texts an annotation has at the most.
pub const MAX_TEXTS: usize = 50;
/// How many bytes its texts and their keys have together at the most.
pub const MAX_BYTES: usize = 4096;

/// What was noted about a branch: texts, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation(BTreeMap<String, String>);

/// An annotation is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// It has too many texts.
    #[error("at most {MAX_TEXTS} texts can be noted, not {0}")]
    TooMany(usize),
    /// They are too long.
    #[error("keys and texts have {MAX_BYTES} bytes together at the most, not {0}")]
    TooLong(usize),
}

impl Annotation {
    /// Returns the annotation that has these texts.
    pub fn new(texts: BTreeMap<String, String>) -> Result<Self, AnnotationError> {
        let bytes = texts.iter().map(|(key, text)| key.len() + text.len()).sum();
        if MAX_TEXTS < texts.len() {
            Err(AnnotationError::TooMany(texts.len()))
        } else if MAX_BYTES < bytes {
            Err(AnnotationError::TooLong(bytes))
        } else {
            Ok(Self(texts))
        }
    }

    /// Whether nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the texts, in the order of their keys.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, text)| (key.as_str(), text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_measured_in_texts_and_in_bytes() {
        let of = |bytes| {
            Annotation::new([("a".into(), "b".into()), ("é".into(), "c".repeat(bytes))].into())
        };
        assert!(of(MAX_BYTES - 4).is_ok());
        assert_eq!(of(MAX_BYTES - 3), Err(AnnotationError::TooLong(MAX_BYTES + 1)));
        let many = |count: usize| {
            Annotation::new((0..count).map(|key| (key.to_string(), String::new())).collect())
        };
        assert!(many(MAX_TEXTS).is_ok());
        assert_eq!(many(MAX_TEXTS + 1), Err(AnnotationError::TooMany(MAX_TEXTS + 1)));
    }
}
