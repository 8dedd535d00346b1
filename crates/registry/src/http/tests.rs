use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use http::Method;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fake::{Answered, Fake};
use super::lines::MAX_LINE_BYTES;
use super::*;

fn client(fakes: &[&str]) -> HttpClient {
    let endpoints = fakes.iter().map(|text| Endpoint::parse(text, 1, false).unwrap());
    HttpClient::new(endpoints.collect()).unwrap()
}

fn get(path: &str) -> Call {
    Call::new(Method::GET, path)
}

async fn echo() -> Fake {
    Fake::start(|asked| Answered::Whole(200, format!("{}\n{}", asked.line, asked.body))).await
}

#[tokio::test]
async fn calls_go_one_after_another_on_one_connection() {
    let fake = echo().await;
    let client = client(&[&fake.address]);
    let call = Call::new(Method::PUT, "/a?b=c").json("{}".to_owned());
    for _ in 0..3 {
        let answer = client.request(&call).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"PUT /a?b=c HTTP/1.1\n{}"[..]));
    }
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_left_for_one_that_is() {
    let fake = echo().await;
    let client = client(&["memory:nobody-1", "memory:nobody-2", &fake.address]);
    for _ in 0..2 {
        client.request(&get("/")).await.unwrap();
    }
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn no_endpoint_at_all_is_an_error_that_names_one() {
    let client = client(&["memory:nobody-1", "memory:nobody-2"]);
    let error = client.request(&get("/")).await.unwrap_err().to_string();
    assert_eq!(error, "cannot connect to http://memory:nobody-2");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_costs_one_call_its_patience() {
    let silent = Fake::start(|_| Answered::Nothing).await;
    let fake = echo().await;
    let client = client(&[&silent.address, &fake.address]);
    let begun = Instant::now();
    let call = get("/x?secret=1").patience(Duration::from_secs(3));
    let error = client.request(&call).await.unwrap_err().to_string();
    assert!(error.starts_with("GET /x at http://memory:"), "{error}");
    assert!(error.ends_with(": no answer within 3s"), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    client.request(&call).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn an_endpoint_that_is_not_well_answers_but_is_not_asked_again() {
    let sick = Fake::start(|_| Answered::Whole(503, "no leader".to_owned())).await;
    let fake = echo().await;
    let client = client(&[&sick.address, &fake.address]);
    let answer = client.request(&get("/")).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (503, &b"no leader"[..]));
    assert_eq!(client.request(&get("/")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    let closes = AtomicBool::new(false);
    let fake = Fake::start(move |_| {
        // Every other request finds the connection closing.
        if closes.fetch_xor(true, Ordering::SeqCst) {
            Answered::End
        } else {
            Answered::Whole(200, String::new())
        }
    })
    .await;
    let client = client(&[&fake.address]);
    for _ in 0..5 {
        client.request(&get("/")).await.unwrap();
    }
    assert_eq!(fake.connections(), 5);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_before_it_is_read() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", MAX_ANSWER_BYTES + 1);
    let fake = Fake::start(move |_| Answered::Raw(head.clone().into())).await;
    let error = client(&[&fake.address]).request(&get("/")).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "an answer of more than 67108864 bytes");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", "SSH-2.0-x\r\n\r\n"] {
        let fake = Fake::start(move |_| Answered::Raw(bytes.into())).await;
        let error = client(&[&fake.address]).request(&get("/p")).await.unwrap_err().to_string();
        assert!(error.starts_with("GET /p at http://memory:"), "{error}");
    }
}

#[tokio::test]
async fn redirects_are_answers() {
    let fake = Fake::start(|_| {
        Answered::Raw(b"HTTP/1.1 302 x\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n".into())
    });
    let fake = fake.await;
    assert_eq!(client(&[&fake.address]).request(&get("/")).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_stream_is_cut_into_lines_wherever_its_chunks_end() {
    let text = "{\"a\":1}\r\n\n{\"b\":2}\nlast";
    for cut in 1..text.len() {
        let (first, second) = text.split_at(cut);
        let fake = Fake::start(move |_| {
            let (sender, receiver) = mpsc::channel(2);
            sender.try_send(first.to_owned()).unwrap();
            sender.try_send(second.to_owned()).unwrap();
            Answered::Chunks(receiver)
        })
        .await;
        let mut streamed = client(&[&fake.address]).stream(&get("/")).await.unwrap();
        assert_eq!(streamed.status, 200);
        let mut lines = Vec::new();
        while let Some(line) = streamed.lines.next().await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["{\"a\":1}", "{\"b\":2}", "last"], "cut at {cut}");
    }
}

#[tokio::test]
async fn a_line_over_the_limit_is_refused() {
    let sent = Arc::new(AtomicU32::new(0));
    let fake = Fake::start(move |_| {
        let (sender, receiver) = mpsc::channel(64);
        for _ in 0..33 {
            sender.try_send("x".repeat(MAX_LINE_BYTES / 32)).unwrap();
        }
        sent.fetch_add(1, Ordering::SeqCst);
        Answered::Chunks(receiver)
    })
    .await;
    let mut streamed = client(&[&fake.address]).stream(&get("/")).await.unwrap();
    let error = streamed.lines.next().await.unwrap_err().to_string();
    assert!(error.starts_with("a line of more than 8388608 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_stream_has_its_time_and_its_lines_have_theirs() {
    let silent = Fake::start(|_| Answered::Nothing).await;
    client(&[&silent.address]).stream(&get("/")).await.unwrap_err();
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Mutex::new(Some(receiver));
    let fake =
        Fake::start(move |_| Answered::Chunks(receiver.lock().unwrap().take().unwrap())).await;
    let mut streamed = client(&[&fake.address]).stream(&get("/")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    sender.send("late\n".to_owned()).await.unwrap();
    assert_eq!(streamed.lines.next().await.unwrap().unwrap(), "late");
}

#[test]
fn an_engine_needs_an_endpoint_and_tls_where_it_is_wanted() {
    assert!(HttpClient::new(Vec::new()).unwrap_err().to_string().contains("no endpoint"));
    let secure = Endpoint::parse("https://a:1", 1, false).unwrap();
    let error = HttpClient::with_tls(vec![secure], None).unwrap_err().to_string();
    assert_eq!(error, "https://a:1: no TLS is set up");
}
