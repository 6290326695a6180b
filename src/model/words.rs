//! Words: closed lists of which each member has a name in the API and a number in the store.

/// Declares such a list, so that none has only one of the two, and no two share one. A number is never
/// used again for another.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal, $number:literal;)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        const _: () = $crate::model::words::assert_distinct(&[$(($word, $number),)*]);

        impl $name {
            /// Every one, in the order of its declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns its name in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Returns the one of that name in the API.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name)
            }

            /// Returns its number in the store.
            #[must_use]
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// Returns the one of that number in the store.
            #[must_use]
            pub fn numbered(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.number() == number)
            }
        }
    };
}

pub(crate) use words;

/// Does not compile where two share a name or a number.
pub(crate) const fn assert_distinct(words: &[(&str, u8)]) {
    let mut one = 0;
    while one < words.len() {
        let mut other = one + 1;
        while other < words.len() {
            assert!(words[one].1 != words[other].1, "two of one number");
            assert!(
                !is_same(words[one].0.as_bytes(), words[other].0.as_bytes()),
                "two of one name"
            );
            other += 1;
        }
        one += 1;
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
