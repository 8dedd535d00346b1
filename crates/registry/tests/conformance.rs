//! Every backend keeps the promises of the seam.

use std::path::PathBuf;
use std::time::Duration;

use polywire_registry::{LocalRegistry, MemoryRegistry, StaticRegistry};
use polywire_testkit::registry::{conformance, fixed, superseded};

#[tokio::test]
async fn the_memory_registry_conforms() {
    conformance(MemoryRegistry::new).await;
}

#[tokio::test]
async fn the_static_registry_conforms_as_far_as_it_can() {
    let registry = StaticRegistry::default().service("greeter", ["a:1", "b:2"]);
    fixed(&registry, "greeter", &["a:1", "b:2"]).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_local_registry_conforms() {
    let root =
        Scratch(std::env::temp_dir().join(format!("polywire-conformance-{}", std::process::id())));
    let mut number = 0;
    conformance(|| {
        number += 1;
        LocalRegistry::open(root.0.join(number.to_string())).unwrap()
    })
    .await;
    let registry = LocalRegistry::open(root.0.join("superseded")).unwrap();
    superseded(&registry, Duration::from_secs(10)).await;
}

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
