//! Certificates that are renewed while the server runs.

use std::error::Error;

use polywire_net::{TlsError, TlsServer};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time;

/// Looks after the files of TLS for as long as it is polled.
pub(crate) async fn follow(tls: TlsServer) {
    let Some(interval) = tls.check_interval() else { return };
    loop {
        time::sleep(interval).await;
        match look(tls.clone()).await {
            Ok(Ok(true)) => tracing::info!("new connections use the renewed certificate"),
            Ok(Err(error)) => {
                let error: &(dyn Error + 'static) = &error;
                tracing::error!(error, "the former certificate stays in use");
            }
            // Nothing new, or the runtime ends.
            Ok(Ok(false)) | Err(_) => {}
        }
    }
}

async fn look(tls: TlsServer) -> Result<Result<bool, TlsError>, JoinError> {
    // Files may be far away.
    spawn_blocking(move || tls.reload_if_changed()).await
}
