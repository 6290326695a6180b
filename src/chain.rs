//! An error with all its causes, in one line, for the log and the command line.

use std::error::Error;
use std::fmt;

/// Shows an error and all its causes.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_with_all_its_causes() {
        let error = anyhow::anyhow!("page 7 is damaged").context("read the head");
        assert_eq!(Chain(&*error).to_string(), "read the head: page 7 is damaged");
    }
}
