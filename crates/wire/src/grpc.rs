//! gRPC and gRPC-Web: framing, deadlines and statuses. Facts: gRPC's PROTOCOL-HTTP2.md and
//! PROTOCOL-WEB.md.

pub mod details;
mod envelope;
pub mod percent;
mod status;
pub mod timeout;
pub mod web;

pub use self::envelope::{COMPRESSED, Envelope, Envelopes, PREFIX, envelope};
pub use self::status::{code_from_reset, has_status, status_from_trailers, status_to_trailers};
