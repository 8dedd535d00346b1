//! `--type PATH=KIND`: what JSON cannot say about a value for a server that does not describe itself.

use std::str::FromStr;

/// A kind that JSON has no form of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    Uint,
    Float,
    Bytes,
    Time,
    Map,
}

/// Where in an argument which kind is meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints(Vec<(String, Hint)>);

impl Hints {
    /// Takes `user.id=uint`, `items[].blob=bytes` or `.=map`.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| Self::one(text)).collect::<Result<_, _>>().map(Self)
    }

    fn one(text: &str) -> Result<(String, Hint), String> {
        let (path, kind) = text
            .rsplit_once('=')
            .ok_or_else(|| format!("`{text}` is not PATH=KIND, such as `user.id=uint`"))?;
        Ok((path.trim_start_matches('.').to_owned(), kind.parse()?))
    }

    /// The kind at a path such as `items[].blob`; the whole argument's path is empty.
    pub(super) fn at(&self, path: &str) -> Option<Hint> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, hint)| *hint)
    }
}

impl FromStr for Hint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "uint" => Self::Uint,
            "float" => Self::Float,
            "bytes" => Self::Bytes,
            "time" => Self::Time,
            "map" => Self::Map,
            _ => return Err(format!("unknown kind `{text}`: uint, float, bytes, time or map")),
        })
    }
}
