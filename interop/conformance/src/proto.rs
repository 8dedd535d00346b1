//! The runner's messages and its service, as `polywire-build` writes them.

#![expect(missing_docs, reason = "generated")]

polywire::include_proto!("connectrpc.conformance.v1");
