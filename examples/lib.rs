//! Runnable examples, one idea each.
