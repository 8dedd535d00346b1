//! A few words of command line: `--name value`, `--name=value` and flags.

/// The options of one command, taken off one by one; what is left over at the end is an error.
#[derive(Debug)]
pub(crate) struct Args {
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(words: &[String]) -> Self {
        let split = |word: &String| match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                vec![name.to_owned(), value.to_owned()]
            }
            _ => vec![word.clone()],
        };
        Self { words: words.iter().flat_map(split).collect() }
    }

    /// Takes the flag off, and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.words.iter().position(|word| word == name);
        found.map(|at| self.words.remove(at)).is_some()
    }

    /// Takes the option and its value off; `None` if it was not given.
    ///
    /// # Errors
    /// The option has no value, or one that cannot be read.
    pub(crate) fn value<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 == self.words.len() {
            return Err(format!("{name} needs a value"));
        }
        let value = self.words.remove(at + 1);
        self.words.remove(at);
        value.parse().map(Some).map_err(|_| format!("{name}: cannot read `{value}`"))
    }

    /// Takes an option whose value is a list with commas; `None` if it was not given.
    ///
    /// # Errors
    /// The option has no value, or an item cannot be read.
    pub(crate) fn list<T: std::str::FromStr>(
        &mut self,
        name: &str,
    ) -> Result<Option<Vec<T>>, String> {
        let Some(value) = self.value::<String>(name)? else { return Ok(None) };
        let item = |item: &str| item.parse().map_err(|_| format!("{name}: cannot read `{item}`"));
        value.split(',').map(item).collect::<Result<_, _>>().map(Some)
    }

    /// Refuses whatever was not taken.
    ///
    /// # Errors
    /// A word is left over.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(format!("unknown option `{word}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::new(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_both_spellings_and_in_any_order() {
        let mut args = args(&["--quick", "--rounds=3", "--peers", "raw,go"]);
        assert_eq!(args.list("--peers"), Ok(Some(vec!["raw".to_owned(), "go".to_owned()])));
        assert_eq!(args.value("--rounds"), Ok(Some(3_usize)));
        assert_eq!(args.value::<usize>("--secs"), Ok(None));
        assert!(args.flag("--quick"));
        assert_eq!(args.finish(), Ok(()));
    }

    #[test]
    fn a_word_nobody_took_and_a_missing_value_are_errors() {
        assert_eq!(args(&["--round"]).finish(), Err("unknown option `--round`".to_owned()));
        let missing = args(&["--rounds"]).value::<usize>("--rounds");
        assert_eq!(missing, Err("--rounds needs a value".to_owned()));
    }
}
