//! Instruction counts: the same on every machine, so a change shows even where time cannot be
//! measured. What a user would notice of them is the processor time of W2 in docs/benchmarks.md.
#![expect(missing_docs, unused_qualifications, reason = "of items that gungraun's macros make")]

use std::hint::black_box;

use bench_instructions::{Connection, Message, Order, Routes};
use gungraun::{library_benchmark, library_benchmark_group, main};
use polywire_codec::Message as Codec;
use polywire_core::{Encoding, Payload, Request, Response};

/// A value that has been encoded and decoded before, as all but the first of a process.
fn known<T: Codec>(value: T) -> T {
    encoded(&value);
    value
}

fn encoded<T: Codec>(value: &T) -> Payload {
    let payload = value.encode(Encoding::Gob).expect("gob takes it");
    T::decode(&payload).expect("what was encoded");
    payload
}

fn message(bytes: usize) -> Message {
    known(Message::new(bytes))
}

fn order(lines: usize) -> Order {
    known(Order::new(lines))
}

fn encoded_message(bytes: usize) -> Payload {
    encoded(&Message::new(bytes))
}

fn encoded_order(lines: usize) -> Payload {
    encoded(&Order::new(lines))
}

fn warm(bytes: usize) -> (Connection, Message) {
    (Connection::warm(), Message::new(bytes))
}

#[library_benchmark]
#[bench::bytes_32(args = (32), setup = message)]
#[bench::bytes_4096(args = (4096), setup = message)]
fn encode_message(message: Message) -> (Message, Payload) {
    let payload = black_box(&message).encode(Encoding::Gob).expect("gob takes it");
    (message, payload)
}

#[library_benchmark]
#[bench::lines_10(args = (10), setup = order)]
fn encode_order(order: Order) -> (Order, Payload) {
    let payload = black_box(&order).encode(Encoding::Gob).expect("gob takes it");
    (order, payload)
}

#[library_benchmark]
#[bench::bytes_32(args = (32), setup = encoded_message)]
#[bench::bytes_4096(args = (4096), setup = encoded_message)]
fn decode_message(payload: Payload) -> (Payload, Message) {
    let message = Message::decode(black_box(&payload)).expect("what was encoded");
    (payload, message)
}

#[library_benchmark]
#[bench::lines_10(args = (10), setup = encoded_order)]
fn decode_order(payload: Payload) -> (Payload, Order) {
    let order = Order::decode(black_box(&payload)).expect("what was encoded");
    (payload, order)
}

#[library_benchmark]
#[bench::bytes_32(args = (32), setup = warm)]
#[bench::bytes_4096(args = (4096), setup = warm)]
fn call((mut connection, message): (Connection, Message)) -> (Connection, Message) {
    let message = connection.call(black_box(message));
    (connection, message)
}

fn routes() -> (Routes, Request) {
    (Routes::warm(), Routes::request())
}

#[library_benchmark]
#[bench::one_of_64(setup = routes)]
fn route((routes, request): (Routes, Request)) -> (Routes, Response) {
    let response = routes.call(black_box(request));
    (routes, response)
}

library_benchmark_group!(
    name = codec,
    benchmarks = [encode_message, encode_order, decode_message, decode_order]
);
library_benchmark_group!(name = wire, benchmarks = call);
library_benchmark_group!(name = server, benchmarks = route);
main!(library_benchmark_groups = [codec, wire, server]);
