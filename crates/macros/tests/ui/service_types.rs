//! Arguments and results that cannot travel, and handlers that cannot move between threads.
#![expect(dead_code, reason = "the fake offers more than this file uses")]

#[path = "../service/fake.rs"]
mod fake;

use fake::__private::Status;
use polywire_macros::service;

#[derive(serde::Serialize, serde::Deserialize)]
struct Plain;

#[service(crate = "crate::fake")]
trait Unknown {
    async fn take(&self, plain: Plain) -> u32;
    async fn both(&self, count: u32, plain: Plain) -> u32;
    async fn give(&self) -> Result<Plain, Status>;
}

struct Foreign;

#[service(crate = "crate::fake")]
trait Errors {
    async fn give(&self) -> Result<u32, Foreign>;
}

struct Local;

#[service(crate = "crate::fake")]
impl Local {
    async fn wait(&self) -> u32 {
        let count = std::rc::Rc::new(1);
        std::future::ready(()).await;
        *count
    }

    pub async fn count(&self) -> u32 {
        self.wait().await
    }
}

#[service(crate = "crate::fake")]
trait Held {
    async fn wait(&self) -> u32;
}

impl Held for Local {
    async fn wait(&self) -> u32 {
        let count = std::rc::Rc::new(1);
        std::future::ready(()).await;
        *count
    }
}

fn main() {}
