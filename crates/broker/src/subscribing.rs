//! What every broker wants of a subscription.

use polywire_core::BrokerError;

/// Says whether there is a topic, and a name where there is a queue. An empty name is nearly always
/// one that was not set: what one broker took for a queue, another would take for none.
///
/// # Errors
/// [Refused](polywire_core::BrokerErrorKind::Refused), with what is missing.
pub(crate) fn check(topic: &str, queue: Option<&str>) -> Result<(), BrokerError> {
    match (topic, queue) {
        ("", _) => Err(BrokerError::refused("a subscription needs a topic")),
        (_, Some("")) => Err(BrokerError::refused("a queue needs a name")),
        _ => Ok(()),
    }
}
