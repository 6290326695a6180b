//! Fields of which it matters whether they are there: absent, null and a value are three things.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A field of a request. Its shape says `#[serde(default)]`, and skips it where it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// It is not there: nothing changes.
    #[default]
    Absent,
    /// It is null: what was set goes.
    Null,
    /// It has a value.
    Value(T),
}

impl<T> Field<T> {
    /// Whether it is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Shape {
        #[serde(default, skip_serializing_if = "Field::is_absent")]
        field: Field<u8>,
    }

    #[test]
    fn absent_null_and_a_value_are_told_apart() {
        for (body, field) in [
            (json!({}), Field::Absent),
            (json!({ "field": null }), Field::Null),
            (json!({ "field": 1 }), Field::Value(1)),
        ] {
            let shape = Shape { field };
            assert_eq!(serde_json::to_value(&shape).expect("JSON"), body);
            assert_eq!(serde_json::from_value::<Shape>(body).expect("a shape"), shape);
        }
    }
}
