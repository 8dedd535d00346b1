//! Cases of JSON-RPC as Go's package speaks it.

use std::sync::Arc;
use std::time::Duration;

use polywire::{Channel, ClientError, Code, Origin};

use super::peer::Peer;
use super::{Case, Outcome, Transport, calls, expect};
use crate::odd::OddClient;
use crate::{Args, ArithClient};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = calls::cases(Transport::Jsonrpc);
    cases.extend([
        Case::on(Transport::Jsonrpc, "reply_that_go_never_sends", never_sent),
        Case::on(Transport::Jsonrpc, "argument_that_json_cannot_carry_is_not_sent", not_carried),
        Case::new("tcp/gob_to_a_json_port_is_an_error", gob_to_json),
    ]);
    cases
}

async fn works(channel: Channel) -> Outcome {
    let reply = ArithClient::new(channel).add(Args { a: 7, b: 8 }).await?;
    expect("sum", &reply.c, &15)
}

/// Go's server says nothing at all where the reply is NaN, so only a timeout helps.
async fn never_sent(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel.clone());
    let call = arith.not_a_number(Args::default()).timeout(Duration::from_millis(200));
    let status = call.await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::DeadlineExceeded)?;
    works(channel).await
}

async fn not_carried(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel.clone());
    let status = odd.scan_float(f64::NAN).await.err().ok_or("no error")?;
    expect("origin", &status.origin(), &Origin::NotSent)?;
    let Some(ClientError::Encode { .. }) = status.cause::<ClientError>() else {
        return Err(format!("got {status:?}").into());
    };
    works(channel).await
}

/// Go closes on what is no JSON.
async fn gob_to_json(peer: Arc<Peer>) -> Outcome {
    let channel = Channel::connect(&format!("netrpc://{}", peer.address("jsonrpc"))).await?;
    let arith = ArithClient::new(channel);
    let call = arith.mul(Args { a: 7, b: 8 }).timeout(Duration::from_secs(5));
    let status = call.await.err().ok_or("the call went through")?;
    expect("origin", &status.origin(), &Origin::Lost)
}
