//! Makes the service from its `.proto` file; no protobuf compiler is needed.

fn main() {
    volo_build::Builder::protobuf()
        .add_service("echo.proto")
        .include_dirs(vec![".".into()])
        .filename("echo.rs".into())
        .write()
        .expect("the file is volo's own kind");
    println!("cargo::rerun-if-changed=echo.proto");
}
