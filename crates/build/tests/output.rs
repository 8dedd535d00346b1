//! What is written for the files in `tests/proto`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use polywire_build::{Builder, CompileError};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// Compiles a file of this text, alone.
fn compile(name: &str, text: &str) -> Result<String, CompileError> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).expect("a directory of this test");
    let file = directory.join("it.proto");
    fs::write(&file, text).expect("a file of this test");
    Builder::new().out_dir(&directory).compile(&[file], &[&directory])?;
    Ok(fs::read_to_string(directory.join("it.rs")).expect("the output"))
}

#[test]
fn the_output_is_the_one_the_other_tests_use() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kinds");
    fs::create_dir_all(&out).unwrap();
    let files = [here("proto/kinds.proto")];
    Builder::new().out_dir(&out).compile(&files, &[here("proto")]).unwrap();
    for name in ["kinds.v1.rs", "kinds.v1.bin", "common.v1.rs", "common.v1.bin"] {
        let kept = here("generated").join(name);
        if env::var_os("POLYWIRE_BLESS").is_some() {
            fs::copy(out.join(name), &kept).unwrap();
        }
        let is_same = fs::read(out.join(name)).unwrap() == fs::read(&kept).unwrap();
        assert!(is_same, "{name} has changed; if it should, run this with POLYWIRE_BLESS=1");
    }
}

#[test]
fn files_in_error_are_refused_with_the_place() {
    let error = compile("wrong", "syntax = \"proto3\"; package it; message A { B b = 1; }");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("it.proto") && error.contains('B'), "{error}");
}

#[test]
fn what_has_no_form_is_refused_by_name() {
    let text = "syntax = \"proto3\"; package it; import \"google/protobuf/api.proto\";
        message A { google.protobuf.Api api = 1; }";
    assert_eq!(
        compile("api", text).unwrap_err().to_string(),
        "it.A.api: google.protobuf.Api has no form outside of protobuf; carry it as bytes"
    );
    let text = "syntax = \"proto3\"; package it; import \"google/protobuf/timestamp.proto\";
        service S { rpc Now(google.protobuf.Timestamp) returns (google.protobuf.Timestamp); }";
    assert_eq!(
        compile("now", text).unwrap_err().to_string(),
        "it.S.Now: google.protobuf.Timestamp cannot be an argument or result by itself; put it \
         into a message"
    );
}

#[test]
fn a_service_gives_way_to_a_message_of_its_servers_name() {
    let text = "syntax = \"proto3\"; package it; message Echo {} message TimeServer {}
        service Time { rpc Do(Echo) returns (Echo); }";
    let code = compile("names", text).unwrap();
    for line in ["pub trait TimeService", "name = \"Time\""] {
        assert!(code.contains(line), "{line}");
    }
}

#[test]
fn types_from_elsewhere_are_not_generated() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elsewhere");
    fs::create_dir_all(&out).unwrap();
    let files = [here("proto/kinds.proto")];
    let builder = Builder::new().out_dir(&out).extern_path(".common.v1", "::shared::common");
    builder.bytes(".").btree_map(".").compile(&files, &[here("proto")]).unwrap();
    let code = fs::read_to_string(out.join("kinds.v1.rs")).unwrap();
    for part in ["::shared::common::Point", "::bytes::Bytes", "BTreeMap<"] {
        assert!(code.contains(part), "{part}");
    }
    assert!(!out.join("common.v1.rs").exists());
}
