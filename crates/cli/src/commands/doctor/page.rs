//! How an instance's registration is doing, by its own page of figures.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What a running instance says of its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registration {
    /// Whether the registry confirmed it when it was last asked.
    pub(super) is_confirmed: bool,
    /// How often it was asked in vain since.
    pub(super) failures: u64,
    /// How often the instance was missing, and put back.
    pub(super) recoveries: u64,
}

/// Asks for the page; `None` if there is none, or nothing of a registration on it.
///
/// # Errors
/// The connection broke.
pub(super) async fn registration(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
) -> io::Result<Option<Registration>> {
    let head = format!("GET /debug/metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_PAGE_BYTES).read_to_end(&mut answer).await?;
    Ok(parse(&String::from_utf8_lossy(&answer)))
}

/// Reads the answer, head and all.
fn parse(answer: &str) -> Option<Registration> {
    let (head, page) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    if !head.starts_with("HTTP/1.") || status != "200" {
        return None;
    }
    Some(Registration {
        is_confirmed: figure(page, "polywire_registration_confirmed")? != 0,
        failures: figure(page, "polywire_registration_failures").unwrap_or_default(),
        recoveries: figure(page, "polywire_registration_recoveries_total").unwrap_or_default(),
    })
}

/// The figure of this name; an app has one registration.
fn figure(page: &str, name: &str) -> Option<u64> {
    let of_name = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let value = rest.rsplit_once(' ')?.1;
        if rest.starts_with(['{', ' ']) { value.parse().ok() } else { None }
    };
    page.lines().find_map(of_name)
}

/// How much of a page is read. A server with many methods has a long one.
const MAX_PAGE_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n\r\n\
        # TYPE polywire_registration_confirmed gauge\n\
        polywire_registration_confirmed_x 7\n\
        polywire_registration_confirmed{service=\"a b\"} 0\n\
        polywire_registration_failures{service=\"a b\"} 3\n\
        polywire_registration_recoveries_total{service=\"a b\"} 2\n";

    #[test]
    fn the_figures_of_the_registration_are_found() {
        let expected = Registration { is_confirmed: false, failures: 3, recoveries: 2 };
        assert_eq!(parse(PAGE), Some(expected));
    }

    #[test]
    fn what_is_no_such_page_says_nothing() {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\npolywire_registration_confirmed{service=\"a\"} yes\n",
            &PAGE.replace(" 200 ", " 404 "),
            &PAGE.replace("HTTP/1.1", "SIP/2.0"),
            "\u{0}\r\n\r\n",
        ] {
            assert_eq!(parse(answer), None, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn the_page_is_asked_for_and_read_to_its_end() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let serve = async {
            let mut asked = vec![0; 60];
            let read = theirs.read(&mut asked).await.unwrap();
            asked.truncate(read);
            theirs.write_all(PAGE.as_bytes()).await.unwrap();
            drop(theirs);
            String::from_utf8(asked).unwrap()
        };
        let (found, asked) = tokio::join!(registration(ours, "h:1"), serve);
        assert!(asked.starts_with("GET /debug/metrics HTTP/1.1\r\nhost: h:1\r\n"), "{asked}");
        assert_eq!(found.unwrap().unwrap().failures, 3);
    }

    #[tokio::test]
    async fn a_page_without_end_is_read_to_the_limit() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let flood = async {
            let junk = [b'x'; 1 << 12];
            while theirs.write_all(&junk).await.is_ok() {}
        };
        let (found, ()) = tokio::join!(registration(ours, "h:1"), flood);
        assert_eq!(found.unwrap(), None);
    }
}
