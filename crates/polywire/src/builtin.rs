//! Services that every app offers beside its own, unless the program has them itself or wants none.

use polywire_core::{ServiceDefinition as _, ServiceDescriptor};
use polywire_server::{RegisterError, Router};
use tokio::sync::watch;

use crate::grpc_reflection::{
    Files, ServerReflectionAlphaServer, ServerReflectionServer, V1, V1_ALPHA,
};
use crate::health::{self, AppHealth, HealthServer};

/// A service of the app and the name it is registered under.
pub(crate) type Named = (String, &'static ServiceDescriptor);

/// Adds the health of an app's services, which is what the channel says: whether calls are welcome.
pub(crate) fn add_health(
    router: Router,
    services: &[Named],
    welcome: watch::Receiver<bool>,
) -> Result<Router, RegisterError> {
    if is_served(services, health::SERVICE) {
        return Ok(router);
    }
    let names =
        services.iter().flat_map(|(name, service)| [name.clone(), full_name(name, service)]);
    router.add(HealthServer::new(AppHealth::new(names, welcome)))
}

/// Adds both versions of gRPC's reflection, which describe all that the router has and themselves.
pub(crate) fn add_grpc_reflection(
    router: Router,
    services: &[Named],
) -> Result<Router, RegisterError> {
    let mut described: Vec<Named> =
        router.services().map(|(name, service)| (name.to_owned(), service)).collect();
    let (v1, alpha) = (Files::default(), Files::default());
    let (v1, alpha) = (ServerReflectionServer::new(v1), ServerReflectionAlphaServer::new(alpha));
    let own = [(V1, v1.descriptor()), (V1_ALPHA, alpha.descriptor())];
    let own: Vec<_> = own.into_iter().filter(|(name, _)| !is_served(services, name)).collect();
    described.extend(own.iter().map(|(name, service)| ((*name).to_owned(), *service)));
    let files = Files::of(described.iter().map(|(name, service)| (name.as_str(), *service)));
    own.iter().try_fold(router, |router, (name, _)| match *name {
        V1 => router.add(ServerReflectionServer::new(files.clone())),
        _ => router.add(ServerReflectionAlphaServer::new(files.clone())),
    })
}

/// Whether the program has a service of that name itself.
fn is_served(services: &[Named], name: &str) -> bool {
    services.iter().any(|(own, service)| own == name || full_name(own, service) == name)
}

/// The name under which a service is registered, with its package.
pub(crate) fn full_name(name: &str, service: &ServiceDescriptor) -> String {
    match service.package {
        "" => name.to_owned(),
        package => format!("{package}.{name}"),
    }
}
