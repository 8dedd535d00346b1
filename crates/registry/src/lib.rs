//! Who runs where: backends of [`polywire_core::Registry`].
//!
//! A server registers its [`Instance`](polywire_core::Instance) and holds the lease; a client
//! watches a service and sees whole snapshots of it. Which backend does that is one line of text:
//!
//! | text | backend | feature |
//! |---|---|---|
//! | `memory:`, `memory:NAME` | [`MemoryRegistry`]: the instances of this process | `memory` |
//! | `static://a:1,b:2` | [`StaticRegistry`]: a list given by hand | `static` |
//! | `local:`, `local:DIR` | [`LocalRegistry`]: lease files, for one machine, without a daemon | `local` |
//! | `consul://HOST:8500`, `consul+tls://..` | [`ConsulRegistry`]: Consul, as go-micro's services use it | `consul` |
//! | `etcd://a:2379,b:2379`, `etcd+tls://..` | [`EtcdRegistry`]: etcd, as go-micro's services use it | `etcd` |
//! | `k8s://NAMESPACE`, `k8s://HOST:8001/NAMESPACE` | [`KubernetesRegistry`]: Services of Kubernetes, which registers pods itself | `kubernetes` |
//! | `mdns:`, `mdns:?interface=eth0` | [`MdnsRegistry`]: multicast DNS, as go-micro speaks it | `mdns` |
//! | `nats://a:4222,b:4222`, `nats+tls://..` | [`NatsRegistry`]: NATS, as go-micro's services use it | `nats` |
//!
//! ```
//! # fn main() -> Result<(), polywire_core::RegistryError> {
//! let registry = polywire_registry::from_url("static://10.0.0.1:7000,10.0.0.2:7000")?;
//! # drop(registry);
//! # Ok(())
//! # }
//! ```
//!
//! What every backend promises is written down as tests: `polywire_testkit::registry`.
#![forbid(unsafe_code)]

#[cfg(feature = "consul")]
mod consul;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "_engine")]
mod follow;
#[cfg(any(all(feature = "local", unix), feature = "_engine"))]
#[cfg_attr(
    not(any(
        feature = "consul",
        feature = "etcd",
        all(feature = "local", unix),
        feature = "mdns",
        feature = "nats",
        test
    )),
    expect(dead_code, reason = "Kubernetes keeps its pods itself")
)]
mod health;
#[cfg(feature = "_http")]
mod http;
#[cfg(feature = "_engine")]
#[cfg_attr(
    not(any(feature = "consul", feature = "etcd", feature = "mdns", feature = "nats", test)),
    expect(dead_code, reason = "Kubernetes keeps its pods itself")
)]
mod keep;
#[cfg(feature = "kubernetes")]
mod kubernetes;
#[cfg(all(feature = "local", unix))]
mod local;
#[cfg(feature = "mdns")]
mod mdns;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "_records")]
mod micro;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "static")]
mod static_list;
mod url;

#[cfg(feature = "consul")]
pub use self::consul::ConsulRegistry;
#[cfg(feature = "etcd")]
pub use self::etcd::EtcdRegistry;
#[cfg(feature = "kubernetes")]
pub use self::kubernetes::KubernetesRegistry;
#[cfg(all(feature = "local", unix))]
pub use self::local::LocalRegistry;
#[cfg(feature = "mdns")]
pub use self::mdns::{MdnsOptions, MdnsRegistry};
#[cfg(feature = "memory")]
pub use self::memory::MemoryRegistry;
#[cfg(feature = "nats")]
pub use self::nats::NatsRegistry;
#[cfg(feature = "static")]
pub use self::static_list::StaticRegistry;
pub use self::url::{ENVIRONMENT, from_env, from_url};

/// What the methods of the seam return.
#[cfg(any(
    feature = "memory",
    feature = "static",
    all(feature = "local", unix),
    feature = "_engine"
))]
type RegistryFuture<T> =
    std::pin::Pin<Box<dyn Future<Output = Result<T, polywire_core::RegistryError>> + Send>>;
