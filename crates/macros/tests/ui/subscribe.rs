//! Functions and methods that cannot be given events.

use polywire_macros::subscribe;

struct Context;
struct Audit;
struct Parts;
struct Nothing;

#[subscribe]
impl Audit {
    #[event(topic = "a")]
    fn blocking(&self, _event: u32) {}
    #[event(topic = "a")]
    async fn exclusive(&mut self, _event: u32) {}
    #[event(topic = "a")]
    async fn none(_event: u32) {}
    #[event(topic = "a")]
    async fn empty(&self, _cx: &Context) {}
    #[event(topic = "a")]
    async fn two(&self, _cx: &Context, _event: u32, _other: u32) {}
    #[event(topic = "a")]
    async fn late(&self, _event: u32, _cx: &Context) {}
    #[event(topic = "a")]
    async fn borrowed(&self, _event: &str) {}
    #[event(topic = "a")]
    async fn answers(&self, _event: u32) -> Result<u32, ()> { Ok(1) }
    #[event(topic = "a")]
    async fn generic<T>(&self, _event: T) {}
    #[event]
    async fn unsaid(&self, _event: u32) {}
    #[event(topic = "a b")]
    async fn blanks(&self, _event: u32) {}
    #[event(topic = "a", retries = 3)]
    async fn unknown(&self, _event: u32) {}
}

#[subscribe(topic = "a")]
impl Parts {
    #[event(topic = "a")]
    async fn fine(&self, _event: u32) {}
}

#[subscribe]
impl Nothing {
    async fn unmarked(&self, _event: u32) {}
}

#[subscribe]
async fn unsaid(_event: u32) {}

#[subscribe(topic = "a", retries = 3)]
async fn unknown(_event: u32) {}

#[subscribe(topic = "a")]
struct Other;

fn main() {}
