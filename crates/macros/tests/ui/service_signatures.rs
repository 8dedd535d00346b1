//! Methods of a shape that no peer can call.

use polywire_macros::service;

struct Context;
struct Status;

#[service]
trait Receivers {
    async fn none(a: u32) -> u32;
    async fn exclusive(&mut self) -> u32;
    async fn owned(self) -> u32;
}

#[service]
trait Arguments {
    async fn text(&self, name: &str) -> u32;
    async fn list(&self, items: &[Vec<u8>]) -> u32;
    async fn borrowed(&self, item: &Status) -> u32;
    async fn hidden(&self, item: std::borrow::Cow<'_, str>) -> u32;
    async fn opaque(&self, item: impl Into<String>) -> u32;
    async fn late(&self, id: u32, cx: &Context) -> u32;
    async fn itself(&self, other: Self) -> u32;
}

#[service]
impl Context {
    pub async fn pattern(&self, (a, b): (u32, u32)) -> u32 {
        a + b
    }
}

#[service]
trait Results {
    async fn text(&self) -> &str;
    async fn text_or_error(&self) -> Result<&'static str, Status>;
    async fn opaque(&self) -> impl Into<u32>;
}

#[service]
trait Forms {
    fn blocking(&self) -> u32;
    async fn generic<T>(&self, item: T) -> u32;
    async fn lifetime<'a>(&'a self) -> u32;
    async unsafe fn risky(&self) -> u32;
    #[cfg(all())]
    async fn sometimes(&self) -> u32;
    async fn connect(&self) -> u32;
}

#[service]
trait Twins {
    #[rpc(name = "GetID")]
    async fn one(&self) -> u32;
    async fn get_id(&self) -> u32;
}

#[service]
trait Streams {
    async fn upload(&self, parts: BoxStream<'static, u32>) -> u32;
}

fn main() {}
