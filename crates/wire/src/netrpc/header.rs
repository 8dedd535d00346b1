//! The headers this side writes, and the types they are defined by.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::BytesMut;
use polywire_core::Metadata;
use polywire_gob::raw::{put_bytes, put_int, put_uint, uint_len};
use polywire_gob::{Compiled, compile};
use polywire_schema::{Field, Kind, Schema, StructType, Type, TypeRef};

/// What a header is for, as its `Kind` says: a call and its argument, or a reply and its value.
pub(super) const KIND_CALL: u64 = 0;
/// The start of a stream. A request's body is the empty struct, its arguments follow; a reply has
/// no body.
pub(super) const KIND_OPEN: u64 = 1;
/// Values of a stream, each a body: as many as `Count` says.
pub(super) const KIND_MESSAGE: u64 = 2;
/// The end of a stream, without a body.
pub(super) const KIND_END: u64 = 3;
/// In a request: the call with its `Seq` is withdrawn. In a reply: nobody reads its arguments any
/// longer. No body.
pub(super) const KIND_CANCEL: u64 = 4;
/// Room for so many more bytes of a stream, without a body.
pub(super) const KIND_WINDOW: u64 = 5;
/// A call whose one argument is the body and whose reply is a stream.
pub(super) const KIND_ASK: u64 = 6;

/// For headers without metadata.
pub(super) const NO_METADATA: &Metadata = &Metadata::new();

/// The version of the extension, as `Ext` says.
pub(super) const EXT_VERSION: u64 = 1;

/// The types of what this side writes around bodies; their ids are those of this process.
pub(super) struct Types {
    /// Go's `Request` and what the extension adds.
    pub(super) request: &'static Compiled,
    /// Go's `Response`.
    pub(super) response: &'static Compiled,
    /// Go's `Response` and what the extension adds.
    pub(super) extended_response: &'static Compiled,
    /// The empty struct that stands where there is no body.
    pub(super) nothing: &'static Compiled,
}

/// The types of what this side writes around bodies.
pub(super) fn types() -> &'static Types {
    static TYPES: LazyLock<Types> = LazyLock::new(|| {
        let of = |ty| compile(ty).expect("strings, numbers and bytes travel");
        Types {
            request: of(&REQUEST),
            response: of(&RESPONSE),
            extended_response: of(&EXTENDED_RESPONSE),
            nothing: of(<()>::TYPE),
        }
    });
    &TYPES
}

/// The fields of a request; those that are zero are left out.
pub(super) struct RequestHeader<'a> {
    pub(super) method: &'a [u8],
    pub(super) seq: u64,
    pub(super) ext: u64,
    pub(super) meta: &'a Metadata,
    pub(super) timeout: Option<Duration>,
    /// Empty for gob.
    pub(super) encoding: &'a str,
    pub(super) kind: u64,
    pub(super) window: u64,
    pub(super) count: u64,
}

impl RequestHeader<'_> {
    /// A header that says something of a call already made.
    pub(super) const fn of_kind(kind: u64, seq: u64) -> Self {
        let (method, meta): (&[u8], _) = (&[], NO_METADATA);
        Self { method, seq, ext: 0, meta, timeout: None, encoding: "", kind, window: 0, count: 0 }
    }

    /// Appends the header as one message.
    pub(super) fn put(&self, dst: &mut BytesMut) {
        let fields = |to: &mut Fields<'_>| {
            to.bytes(1, self.method);
            to.uint(2, self.seq);
            to.uint(3, self.ext);
            to.meta(4, self.meta);
            to.int(5, self.timeout.map_or(0, nanoseconds));
            to.bytes(6, self.encoding.as_bytes());
            to.uint(7, self.kind);
            to.uint(8, self.window);
            to.uint(9, self.count);
        };
        put_struct(types().request.id(), fields, dst);
    }
}

/// The fields of a response to a peer that has not shown the extension: Go's.
pub(super) struct PlainResponse<'a> {
    pub(super) method: &'a [u8],
    pub(super) seq: u64,
    pub(super) error: &'a str,
}

impl PlainResponse<'_> {
    /// Appends the header as one message.
    pub(super) fn put(&self, dst: &mut BytesMut) {
        let fields = |to: &mut Fields<'_>| {
            to.bytes(1, self.method);
            to.uint(2, self.seq);
            to.bytes(3, self.error.as_bytes());
        };
        put_struct(types().response.id(), fields, dst);
    }
}

/// The fields of a response to a peer that has shown the extension. `ServiceMethod`, which no
/// client reads, is left out.
pub(super) struct ExtendedResponse<'a> {
    pub(super) seq: u64,
    pub(super) error: &'a str,
    pub(super) ext: u64,
    pub(super) meta: &'a Metadata,
    pub(super) code: u64,
    pub(super) details: &'a [u8],
    /// Empty for gob.
    pub(super) encoding: &'a str,
    pub(super) kind: u64,
    pub(super) window: u64,
    pub(super) count: u64,
}

impl ExtendedResponse<'_> {
    /// A header that says something of the call, and nothing else.
    pub(super) const fn of_kind(kind: u64, seq: u64) -> Self {
        let (meta, details): (_, &[u8]) = (NO_METADATA, &[]);
        let (encoding, window, count) = ("", 0, 0);
        Self { seq, error: "", ext: 0, meta, code: 0, details, encoding, kind, window, count }
    }

    /// Appends the header as one message.
    pub(super) fn put(&self, dst: &mut BytesMut) {
        let fields = |to: &mut Fields<'_>| {
            to.uint(2, self.seq);
            to.bytes(3, self.error.as_bytes());
            to.uint(4, self.ext);
            to.meta(5, self.meta);
            to.uint(6, self.code);
            to.bytes(7, self.details);
            to.bytes(8, self.encoding.as_bytes());
            to.uint(9, self.kind);
            to.uint(10, self.window);
            to.uint(11, self.count);
        };
        put_struct(types().extended_response.id(), fields, dst);
    }
}

/// Appends a struct value as one message: length, id, fields, end.
fn put_struct(id: i32, fields: impl FnOnce(&mut Fields<'_>), dst: &mut BytesMut) {
    let start = dst.len();
    // A header is nearly always shorter than 128 bytes, so that its length takes one.
    dst.extend_from_slice(&[0]);
    put_int(dst, i64::from(id));
    fields(&mut Fields { dst, last: 0 });
    dst.extend_from_slice(&[0]);
    let length = dst.len().saturating_sub(start).saturating_sub(1);
    match (u8::try_from(length), dst.get_mut(start)) {
        (Ok(short), Some(prefix)) if short < 128 => *prefix = short,
        _ => {
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            let body = dst.split_off(start);
            dst.reserve(body.len().saturating_add(uint_len(length)));
            put_uint(dst, length);
            dst.extend_from_slice(body.get(1..).unwrap_or_default());
        }
    }
}

/// Appends the fields of a struct, numbered from 1, zeros left out.
struct Fields<'a> {
    dst: &'a mut BytesMut,
    last: u64,
}

impl Fields<'_> {
    #[inline]
    fn start(&mut self, number: u64) {
        put_uint(self.dst, number.saturating_sub(self.last));
        self.last = number;
    }

    #[inline]
    fn uint(&mut self, number: u64, value: u64) {
        if value != 0 {
            self.start(number);
            put_uint(self.dst, value);
        }
    }

    #[inline]
    fn int(&mut self, number: u64, value: i64) {
        if value != 0 {
            self.start(number);
            put_int(self.dst, value);
        }
    }

    #[inline]
    fn bytes(&mut self, number: u64, value: &[u8]) {
        if !value.is_empty() {
            self.start(number);
            put_bytes(self.dst, value);
        }
    }

    /// Names and values in turn.
    fn meta(&mut self, number: u64, meta: &Metadata) {
        if meta.is_empty() {
            return;
        }
        self.start(number);
        let count = u64::try_from(meta.len()).unwrap_or(u64::MAX);
        put_uint(self.dst, count.saturating_mul(2));
        for (name, value) in meta.iter() {
            put_bytes(self.dst, name.as_bytes());
            put_bytes(self.dst, value.as_bytes());
        }
    }
}

/// A time that has run out is one nanosecond, since zero would read as no limit.
fn nanoseconds(left: Duration) -> i64 {
    i64::try_from(left.as_nanos()).unwrap_or(i64::MAX).max(1)
}

const fn field(name: &'static str, ty: TypeRef) -> Field {
    Field::new([name; 4], 0, ty)
}

/// Marks a header type in gob's table of types.
struct Header<const N: usize>;

static REQUEST: Type = Type::new::<Header<0>>(Kind::Struct(&StructType::new(
    "Request",
    "Request",
    &[
        field("ServiceMethod", String::schema),
        field("Seq", u64::schema),
        field("Ext", u64::schema),
        field("Meta", <Vec<String>>::schema),
        field("Timeout", i64::schema),
        field("Encoding", String::schema),
        field("Kind", u64::schema),
        field("Window", u64::schema),
        field("Count", u64::schema),
    ],
)));

static RESPONSE: Type = Type::new::<Header<1>>(Kind::Struct(&StructType::new(
    "Response",
    "Response",
    &[
        field("ServiceMethod", String::schema),
        field("Seq", u64::schema),
        field("Error", String::schema),
    ],
)));

static EXTENDED_RESPONSE: Type = Type::new::<Header<2>>(Kind::Struct(&StructType::new(
    "Response",
    "Response",
    &[
        field("ServiceMethod", String::schema),
        field("Seq", u64::schema),
        field("Error", String::schema),
        field("Ext", u64::schema),
        field("Meta", <Vec<String>>::schema),
        field("Code", u64::schema),
        field("Details", <Vec<u8>>::schema),
        field("Encoding", String::schema),
        field("Kind", u64::schema),
        field("Window", u64::schema),
        field("Count", u64::schema),
    ],
)));

#[cfg(test)]
mod tests {
    use polywire_gob::raw::Cursor;

    use super::*;

    #[test]
    fn a_header_of_any_length_has_its_length_in_front() {
        for len in [0, 1, 100, 108, 109, 110, 111, 112, 113, 120, 126, 127, 128, 129, 300, 70_000] {
            for seq in [0, 1, 127, 128, 65_536, u64::MAX] {
                let method = vec![b'm'; len];
                let mut dst = BytesMut::new();
                PlainResponse { method: &method, seq, error: "e" }.put(&mut dst);
                let mut stream = Cursor::new(&dst);
                let mut value = Cursor::new(stream.bytes().unwrap());
                assert!(stream.is_empty(), "{len}");
                assert_eq!(value.int().unwrap(), i64::from(types().response.id()));
                if len > 0 {
                    assert_eq!(value.uint().unwrap(), 1);
                    assert_eq!(value.bytes().unwrap(), method);
                }
                if seq > 0 {
                    let delta = if len > 0 { 1 } else { 2 };
                    assert_eq!((value.uint().unwrap(), value.uint().unwrap()), (delta, seq));
                }
                let _delta = value.uint().unwrap();
                assert_eq!(value.bytes().unwrap(), b"e");
                assert_eq!(value.rest(), [0]);
            }
        }
    }
}
