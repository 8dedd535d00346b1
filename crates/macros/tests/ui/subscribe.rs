//! Functions and methods that cannot be given events.

use polywire_macros::subscribe;

struct Context;
struct Audit;
struct Parts;
struct Nothing;

#[subscribe]
impl Audit {
    #[event(topic = "a")]
    fn blocking(&self, event: u32) {}
    #[event(topic = "a")]
    async fn exclusive(&mut self, event: u32) {}
    #[event(topic = "a")]
    async fn none(event: u32) {}
    #[event(topic = "a")]
    async fn empty(&self, cx: &Context) {}
    #[event(topic = "a")]
    async fn two(&self, cx: &Context, event: u32, other: u32) {}
    #[event(topic = "a")]
    async fn late(&self, event: u32, cx: &Context) {}
    #[event(topic = "a")]
    async fn borrowed(&self, event: &str) {}
    #[event(topic = "a")]
    async fn answers(&self, event: u32) -> Result<u32, ()> {}
    #[event(topic = "a")]
    async fn generic<T>(&self, event: T) {}
    #[event]
    async fn unsaid(&self, event: u32) {}
    #[event(topic = "a b")]
    async fn blanks(&self, event: u32) {}
    #[event(topic = "a", retries = 3)]
    async fn unknown(&self, event: u32) {}
}

#[subscribe(topic = "a")]
impl Parts {
    #[event(topic = "a")]
    async fn fine(&self, event: u32) {}
}

#[subscribe]
impl Nothing {
    async fn unmarked(&self, event: u32) {}
}

#[subscribe]
async fn unsaid(event: u32) {}

#[subscribe(topic = "a", retries = 3)]
async fn unknown(event: u32) {}

#[subscribe(topic = "a")]
struct Other;

fn main() {}
