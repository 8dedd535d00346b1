//! Describes the service to tonic's generator, in place of a `.proto` file.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let echo = Method::builder()
        .name("echo")
        .route_name("Echo")
        .input_type("crate::Message")
        .output_type("crate::Message")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let count = Method::builder()
        .name("count")
        .route_name("Count")
        .input_type("crate::Wanted")
        .output_type("crate::Message")
        .codec_path("tonic_prost::ProstCodec")
        .server_streaming()
        .build();
    let service =
        Service::builder().name("Echo").package("bench").method(echo).method(count).build();
    Builder::new().compile(&[service]);
    println!("cargo::rerun-if-changed=build.rs");
}
