//! What is no service.

use polywire_macros::service;

#[service]
struct Data;

#[service]
trait Empty {}

#[service]
trait Generic<T> {
    async fn call(&self) -> u32;
}

#[service]
trait Associated {
    type Item;
    async fn call(&self) -> u32;
}

struct Arith;

#[service]
impl Clone for Arith {
    fn clone(&self) -> Self {
        Self
    }
}

struct Boxed<T>(T);

#[service]
impl<T> Boxed<T> {
    pub async fn call(&self) -> u32 {
        1
    }
}

#[service]
impl Arith {
    pub fn blocking(&self) -> u32 {
        1
    }

    async fn private(&self) -> u32 {
        1
    }
}

struct Marked;

#[service]
impl Marked {
    #[rpc]
    pub fn blocking(&self) -> u32 {
        1
    }

    pub async fn exclusive(&mut self) -> u32 {
        1
    }
}

fn main() {}
