//! From files to files.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message as _;
use prost_build::Module;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::CompileError;
use crate::messages::Package;
use crate::names::upper_camel;
use crate::service::Traits;

/// Compiles `.proto` files with the defaults of a [`Builder`]; for `build.rs`.
///
/// # Errors
/// As [`Builder::compile`].
pub fn compile(
    files: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<(), CompileError> {
    Builder::new().compile(files, includes)
}

/// Compiles `.proto` files.
///
/// Names of messages and fields in the options begin with a dot, and stand for all that is within:
/// `.` for everything, `.greeter.v1` for a package, `.greeter.v1.Image.pixels` for a field.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is done until `compile`"]
pub struct Builder {
    out_dir: Option<PathBuf>,
    bytes: Vec<String>,
    btree_maps: Vec<String>,
    elsewhere: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
}

impl Builder {
    /// The defaults: into `OUT_DIR`, with `Vec<u8>` and `HashMap`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the output goes. Default: the variable `OUT_DIR`, which cargo sets for `build.rs`.
    pub fn out_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(directory.into());
        self
    }

    /// Makes `bytes` fields `bytes::Bytes`, which are read without a copy. Default: `Vec<u8>`.
    pub fn bytes(mut self, path: impl Into<String>) -> Self {
        self.bytes.push(path.into());
        self
    }

    /// Makes `map` fields `BTreeMap`, whose order is always the same. Default: `HashMap`.
    pub fn btree_map(mut self, path: impl Into<String>) -> Self {
        self.btree_maps.push(path.into());
        self
    }

    /// Takes a message, or a package, from elsewhere instead of generating it: `.shared.v1` from
    /// `::shared::v1`. It must come from this crate too.
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Self {
        self.elsewhere.push((proto.into(), rust.into()));
        self
    }

    /// Puts an attribute on messages, enums and `oneof`s, such as `#[derive(Eq)]`.
    pub fn type_attribute(mut self, path: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.attributes.push((path.into(), attribute.into()));
        self
    }

    /// Compiles files, found in the include directories as their imports are, and writes one Rust
    /// file per package. Cargo is told to come again when one of them changes.
    ///
    /// # Errors
    /// When a file is in error or not found, uses what has no form in Rust, or when the output
    /// cannot be written.
    pub fn compile(
        &self,
        files: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<(), CompileError> {
        let set = self.read(files, includes)?;
        check_methods(&set)?;
        let out = match &self.out_dir {
            Some(directory) => directory.clone(),
            None => env::var_os("OUT_DIR").ok_or(CompileError::NoOutput)?.into(),
        };
        for (module, mut code) in self.rust_of(&set)? {
            let file = module.to_file_name_or("_");
            let descriptors = format!("{}.bin", file.trim_end_matches(".rs"));
            let own = files_of(&set, &module);
            let name = own.first().map_or("", |file| file.package());
            let mut package = Package::new(name, &self.elsewhere, &descriptors);
            for file in &own {
                package.add(file)?;
            }
            code.push_str(&package.finish());
            write(&out.join(file), code.as_bytes())?;
            write(&out.join(descriptors), &needed(&set, &own).encode_to_vec())?;
        }
        Ok(())
    }

    fn read(
        &self,
        files: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<FileDescriptorSet, CompileError> {
        let wrong = |error: protox::Error| CompileError::Proto(format!("{error:?}"));
        let mut compiler = protox::Compiler::new(includes).map_err(wrong)?;
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(files).map_err(wrong)?;
        if self.out_dir.is_none() {
            for file in compiler.files().filter_map(|file| file.path()) {
                // Nobody but cargo reads this; if it cannot, it ends the build by itself.
                writeln!(io::stdout(), "cargo:rerun-if-changed={}", file.display()).ok();
            }
        }
        Ok(compiler.file_descriptor_set())
    }

    /// What prost makes of the files, services included.
    fn rust_of(&self, set: &FileDescriptorSet) -> Result<BTreeMap<Module, String>, CompileError> {
        let mut config = prost_build::Config::new();
        config.bytes(&self.bytes).btree_map(&self.btree_maps);
        for (proto, rust) in &self.elsewhere {
            config.extern_path(proto, rust);
        }
        for (path, attribute) in &self.attributes {
            config.type_attribute(path, attribute);
        }
        config.service_generator(Box::new(Traits { taken: taken_names(set) }));
        // Of Google's own files nothing is generated, but prost looks into them.
        let requests = set
            .file
            .iter()
            .map(|file| (Module::from_protobuf_package_name(file.package()), file.clone()));
        let code = config.generate(requests.collect());
        let code = code.map_err(|error| CompileError::Proto(error.to_string()))?;
        Ok(code.into_iter().collect())
    }
}

/// The files of the package that a module is of.
fn files_of<'a>(set: &'a FileDescriptorSet, module: &Module) -> Vec<&'a FileDescriptorProto> {
    let is_own =
        |file: &&FileDescriptorProto| Module::from_protobuf_package_name(file.package()) == *module;
    set.file.iter().filter(is_own).collect()
}

/// Files with all that they import, comments left out.
fn needed(set: &FileDescriptorSet, files: &[&FileDescriptorProto]) -> FileDescriptorSet {
    let mut names: HashSet<&str> = HashSet::new();
    let mut to_do: Vec<&str> = files.iter().map(|file| file.name()).collect();
    while let Some(name) = to_do.pop() {
        if names.insert(name) {
            let file = set.file.iter().find(|file| file.name() == name);
            to_do.extend(file.into_iter().flat_map(|file| &file.dependency).map(String::as_str));
        }
    }
    // In the order of the set, in which files follow what they import.
    let files = set.file.iter().filter(|file| names.contains(file.name()));
    let bare =
        |file: &FileDescriptorProto| FileDescriptorProto { source_code_info: None, ..file.clone() };
    FileDescriptorSet { file: files.map(bare).collect() }
}

/// The full names of the types that stand beside services.
fn taken_names(set: &FileDescriptorSet) -> HashSet<String> {
    let in_file = |file: &FileDescriptorProto| {
        let messages = file.message_type.iter().map(DescriptorProto::name);
        let all = messages.chain(file.enum_type.iter().map(|ty| ty.name()));
        all.map(|name| format!("{}.{}", file.package(), upper_camel(name))).collect::<Vec<_>>()
    };
    set.file.iter().flat_map(in_file).collect()
}

/// Refuses arguments and results that are Google's and no messages in Rust.
fn check_methods(set: &FileDescriptorSet) -> Result<(), CompileError> {
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                for ty in [method.input_type(), method.output_type()] {
                    let Some(name) = ty.strip_prefix(".google.protobuf.") else { continue };
                    if name == "Empty" || name.ends_with("Value") && !JSON_VALUES.contains(&name) {
                        continue;
                    }
                    let at = format!("{}.{}.{}", file.package(), service.name(), method.name());
                    let why = format!(
                        "google.protobuf.{name} cannot be an argument or result by itself; put it \
                         into a message"
                    );
                    return Err(CompileError::Unsupported { at, why });
                }
            }
        }
    }
    Ok(())
}

/// Google's types of that ending that do not wrap a scalar.
const JSON_VALUES: &[&str] = &["Value", "ListValue", "EnumValue"];

/// Writes a file unless it is the same already, so that nothing is compiled for nothing.
fn write(path: &Path, contents: &[u8]) -> Result<(), CompileError> {
    if fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    fs::write(path, contents)
        .map_err(|source| CompileError::Write { path: path.display().to_string(), source })
}
