//! Digits: numbers of a hundred bits as the twenty digits and letters of which Render's ids are made.

/// The digits, in their order: those of base 32 "with extended hex alphabet" (RFC 4648).
const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// How many digits there are, of five bits each.
const CHARS: usize = 20;

/// Writes the lowest hundred bits of a number. Texts sort as the numbers do.
#[must_use]
pub fn write(bits: u128) -> String {
    let digit = |index: usize| {
        let digit = usize::try_from(bits >> (5 * index) & 31).expect("five bits");
        char::from(DIGITS[digit])
    };
    (0..CHARS).rev().map(digit).collect()
}

/// Reads what [`write()`] wrote; nothing where it is something else.
#[must_use]
pub fn read(digits: &str) -> Option<u128> {
    if digits.len() != CHARS {
        return None;
    }
    digits.bytes().try_fold(0_u128, |bits, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        Some(bits << 5 | u128::try_from(digit).expect("five bits"))
    })
}
