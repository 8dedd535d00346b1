//! Makes Rust of the `.proto` file.

fn main() -> Result<(), polywire_build::CompileError> {
    polywire_build::compile(&["proto/greeter.proto"], &["proto"])
}
