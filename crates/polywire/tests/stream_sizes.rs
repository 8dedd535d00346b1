//! Streams of small and large values, one after another, on every wire that has streams.

use futures_util::{StreamExt as _, stream};
use polywire::prelude::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Schema)]
struct Blob {
    at: u32,
    text: String,
}

#[polywire::service(name = "Blobs")]
trait Blobs {
    /// Values of the lengths that are asked for.
    fn of(&self, lens: Vec<u32>) -> impl Stream<Item = Result<Blob, Status>> + Send + use<Self>;

    /// Each of them back.
    async fn back(&self, blobs: Streaming<Blob>) -> Result<BoxStream<Blob>, Status>;
}

struct Impl;

impl Blobs for Impl {
    fn of(&self, lens: Vec<u32>) -> impl Stream<Item = Result<Blob, Status>> + Send + use<> {
        stream::iter(blobs(&lens)).map(Ok)
    }

    async fn back(&self, blobs: Streaming<Blob>) -> Result<BoxStream<Blob>, Status> {
        Ok(Box::pin(blobs))
    }
}

fn blobs(lens: &[u32]) -> Vec<Blob> {
    let blob = |(at, len): (u32, &u32)| Blob { at, text: "x".repeat(*len as usize) };
    (0..).zip(lens).map(blob).collect()
}

/// Around the lengths at which values are kept whole, with runs of small ones between them.
fn lens() -> Vec<u32> {
    let edges = [4_000, 4_085, 4_086, 4_087, 4_088, 4_095, 4_096, 4_097, 20_000, 300_000];
    edges.into_iter().flat_map(|edge| [0, 1, edge, edge, 32].into_iter().chain([7; 200])).collect()
}

#[tokio::test]
async fn values_of_every_length_come_in_their_order() {
    let app = App::new("blobs").listen("127.0.0.1:0").private();
    let running = app.serve(BlobsServer::new(Impl)).start().await.unwrap();
    let expected = blobs(&lens());
    for scheme in ["netrpc", "grpc", "grpc-web", "connect"] {
        let url = format!("{scheme}://{}", running.address());
        let client = BlobsClient::connect(&url).await.unwrap();
        let mut values = match client.of(lens()).await {
            Ok(values) => values,
            Err(status) => panic!("{scheme}: {status}"),
        };
        let mut back = client.back(stream::iter(blobs(&lens()))).await.unwrap();
        for blob in &expected {
            assert_eq!(values.message().await.unwrap().as_ref(), Some(blob), "{scheme}");
            assert_eq!(back.message().await.unwrap().as_ref(), Some(blob), "{scheme}");
        }
        assert_eq!(values.message().await.unwrap(), None, "{scheme}");
        assert_eq!(back.message().await.unwrap(), None, "{scheme}");
    }
    running.shutdown().await;
}
