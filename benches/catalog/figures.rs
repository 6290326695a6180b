//! Medians, ratios, and what is wanted of them.

use std::time::Duration;

/// How often the sides of a ratio take turns.
pub const ROUNDS: usize = 7;

/// What is wanted of a figure.
#[derive(Clone, Copy)]
pub enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

/// Prints a figure beside what is wanted of it.
pub fn print(what: &str, figure: f64, wanted: Wanted) {
    let (is_held, bound, limit) = match wanted {
        Wanted::AtMost(limit) => (figure <= limit, "at most", limit),
        Wanted::AtLeast(limit) => (limit <= figure, "at least", limit),
    };
    let missed = if is_held { "" } else { "   MISSED" };
    println!("  {what}: {figure:.2}, wanted {bound} {limit}{missed}");
}

pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

pub fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}

/// Returns the median of the ratios of what was measured in the same turn.
pub fn ratio(ones: &[f64], others: &[f64]) -> f64 {
    median(&ones.iter().zip(others).map(|(one, other)| one / other).collect::<Vec<_>>())
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
