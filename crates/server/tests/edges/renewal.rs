//! Certificates that are renewed while calls are under way.

use std::time::Duration;

use polywire_core::Address;
use polywire_net::{Pem, Socket, TlsClient, TlsServer};
use polywire_testkit::authority::{Authority, Certificate};
use polywire_testkit::directory::Directory;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::peer::{Peer, Probe, start};
use crate::tls::encrypted;

fn server_in(directory: &Directory) -> TlsServer {
    TlsServer::from_pem_files(directory.path("cert.pem"), directory.path("key.pem")).unwrap()
}

/// An authority, a certificate of it, and a client that trusts it.
fn authority(name: &str) -> (Authority, Certificate, TlsClient) {
    let authority = Authority::new(name);
    let certificate = authority.sign(&["localhost"]);
    let client = TlsClient::from_ca_pem(authority.pem().as_bytes()).unwrap();
    (authority, certificate, client)
}

/// Calls until nobody counts any more, with a new connection after so many calls.
async fn caller(address: Address, client: TlsClient, calls: usize, count: mpsc::Sender<()>) {
    loop {
        let socket = Socket::connect(&address).await.unwrap();
        let mut peer = Peer::new(client.connect("localhost", socket).await.unwrap());
        for _ in 0..calls {
            assert!(peer.call::<bool>("Probe.Encrypted", 0).await);
            if count.send(()).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn renewals_under_load_lose_no_call() {
    const ROUNDS: usize = 20;
    const CALLS_PER_ROUND: usize = 100;
    let directory = Directory::new("renewals");
    let (_, old, of_old) = authority("old");
    let (new_authority, new, of_new) = authority("new");
    let of_both = of_old.clone().with_authorities(Pem::text(new_authority.pem())).unwrap();
    old.put_into(&directory);
    let tls = server_in(&directory).check_never();
    let server = start("renewals", &Probe::new(), |server| server.tls(tls.clone())).await;

    let (counted, mut count) = mpsc::channel(1);
    let mut callers = JoinSet::new();
    // Some stay connected through all renewals, others connect again and again.
    for calls in [usize::MAX, usize::MAX, usize::MAX, 1, 3, 10] {
        let address = server.address.clone();
        callers.spawn(caller(address, of_both.clone(), calls, counted.clone()));
    }
    drop(counted);
    for round in 0..ROUNDS {
        for _ in 0..CALLS_PER_ROUND {
            count.recv().await.unwrap();
        }
        let (shown, trusting, other) =
            if round % 2 == 0 { (&new, &of_new, &of_old) } else { (&old, &of_old, &of_new) };
        shown.put_into(&directory);
        tls.reload().unwrap();
        let mut peer = Peer::new(encrypted(&server, trusting).await);
        assert!(peer.call::<bool>("Probe.Encrypted", 0).await);
        assert!(other.connect("localhost", server.dial().await).await.is_err());
    }
    drop(count);
    // Whoever lost a call has panicked.
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_looks_after_its_files() {
    const EVERY: Duration = Duration::from_secs(60);
    let directory = Directory::new("followed");
    let (_, old, of_old) = authority("old");
    let (_, new, of_new) = authority("new");
    old.put_into(&directory);
    let tls = server_in(&directory).check_every(EVERY);
    let server = start("followed", &Probe::new(), |server| server.tls(tls)).await;
    let mut early = Peer::new(encrypted(&server, &of_old).await);
    assert!(early.call::<bool>("Probe.Encrypted", 0).await);

    new.put_into(&directory);
    // The clock is paused, so this is no measurement.
    tokio::time::sleep(EVERY + Duration::from_secs(1)).await;
    assert!(of_old.connect("localhost", server.dial().await).await.is_err());
    let mut late = Peer::new(encrypted(&server, &of_new).await);
    assert!(late.call::<bool>("Probe.Encrypted", 0).await);
    assert!(early.call::<bool>("Probe.Encrypted", 0).await);
}
