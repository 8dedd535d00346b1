//! Names per wire, worked out from Rust's.

/// Words Go spells in capitals, as its linters expect: `UserID`, `BaseURL`.
const INITIALISMS: &[&str] = &[
    "acl", "api", "ascii", "cpu", "css", "dns", "eof", "guid", "html", "http", "https", "id", "ip",
    "json", "qps", "ram", "rpc", "sla", "smtp", "sql", "ssh", "tcp", "tls", "ttl", "udp", "ui",
    "uid", "uuid", "uri", "url", "utf8", "vm", "xml", "xmpp", "xsrf", "xss",
];

/// The exported Go name of a Rust name: `user_id` becomes `UserID`, `base_urls` `BaseURLs`.
///
/// ```
/// # use polywire_schema::go_name;
/// assert_eq!(go_name("http_status"), "HTTPStatus");
/// assert_eq!(go_name("Hello"), "Hello");
/// ```
#[must_use]
pub fn go_name(rust: &str) -> String {
    words(rust).map(|word| go_word(&word)).collect()
}

/// The Java name of a Rust name: `user_id` becomes `userId`.
///
/// ```
/// assert_eq!(polywire_schema::java_name("base_url"), "baseUrl");
/// ```
#[must_use]
pub fn java_name(rust: &str) -> String {
    let mut name = String::with_capacity(rust.len());
    for (at, word) in words(rust).enumerate() {
        if at == 0 {
            name.push_str(&word.to_lowercase());
        } else {
            name.push_str(&capitalised(&word));
        }
    }
    name
}

/// The protobuf name of a Rust name: `userId` becomes `user_id`.
///
/// ```
/// assert_eq!(polywire_schema::proto_name("userId"), "user_id");
/// ```
#[must_use]
pub fn proto_name(rust: &str) -> String {
    let words: Vec<String> = words(rust).map(|word| word.to_lowercase()).collect();
    words.join("_")
}

fn go_word(word: &str) -> String {
    let lower = word.to_lowercase();
    if INITIALISMS.contains(&lower.as_str()) {
        return word.to_uppercase();
    }
    if let Some(singular) = lower.strip_suffix('s')
        && INITIALISMS.contains(&singular)
    {
        return singular.to_uppercase() + "s";
    }
    capitalised(word)
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// Splits at underscores and before a capital that follows a lower-case letter or a digit.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut previous = '_';
    for c in name.trim_start_matches("r#").chars() {
        let starts = c == '_' || (c.is_uppercase() && !previous.is_uppercase());
        if starts && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(c);
        }
        previous = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_names_follow_gos_initialisms() {
        for (rust, go) in [
            ("a", "A"),
            ("user_id", "UserID"),
            ("user_ids", "UserIDs"),
            ("base_url", "BaseURL"),
            ("id", "ID"),
            ("identity", "Identity"),
            ("r#type", "Type"),
            ("HelloRequest", "HelloRequest"),
            ("HTTPServer", "HTTPServer"),
            ("sha256_sum", "Sha256Sum"),
            ("_private", "Private"),
            ("f0", "F0"),
        ] {
            assert_eq!(go_name(rust), go, "{rust}");
        }
    }

    #[test]
    fn java_and_proto_names_keep_words_apart() {
        assert_eq!(java_name("user_id"), "userId");
        assert_eq!(java_name("hello"), "hello");
        assert_eq!(proto_name("user_id"), "user_id");
        assert_eq!(proto_name("userId"), "user_id");
    }
}
