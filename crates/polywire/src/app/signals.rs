//! What the surroundings of a process say to it, and it to them.

use std::io::{self, Write as _};

use polywire_core::Address;

/// Tells whoever started the program where it listens, on standard error and in the log.
pub(super) fn announce(name: &str, address: &Address) {
    tracing::info!(service = name, %address, "serving");
    writeln!(io::stderr(), "{name} listens on {address}").unwrap_or_default();
}

/// Waits for SIGTERM or Ctrl-C: for programs that [`start`](crate::App::start) an app and end it
/// themselves.
///
/// **Cancel safe.** From the first call on, neither signal ends the process by itself.
pub async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    () = interrupt() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM will not drain");
                interrupt().await;
            }
        }
    }
    #[cfg(not(unix))]
    interrupt().await;
}

async fn interrupt() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "Ctrl-C will not drain");
        std::future::pending::<()>().await;
    }
}
