//! What was found, how bad it is, and what to do.

use serde_json::{Value as Json, json};

/// How bad it is; later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Calls go through; somebody should look.
    Warning,
    /// Calls fail, or soon will.
    Problem,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// `registry`, `broker`, a service or one of its instances.
    pub(super) about: String,
    pub(super) text: String,
    /// What to do; empty where all is well.
    pub(super) advice: String,
}

impl Finding {
    pub(super) fn ok(about: &str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, about, text, "")
    }

    pub(super) fn warning(about: &str, text: impl Into<String>, advice: &str) -> Self {
        Self::new(Level::Warning, about, text, advice)
    }

    pub(super) fn problem(about: &str, text: impl Into<String>, advice: &str) -> Self {
        Self::new(Level::Problem, about, text, advice)
    }

    fn new(level: Level, about: &str, text: impl Into<String>, advice: &str) -> Self {
        Self { level, about: about.to_owned(), text: text.into(), advice: advice.to_owned() }
    }

    pub(super) fn as_json(&self) -> Json {
        json!({
            "level": self.level.name(),
            "about": self.about,
            "text": self.text,
            "advice": self.advice,
        })
    }
}
