//! Cases that do not depend on how the bytes travel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use polywire::{Channel, ClientError, Code, Origin, Status};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Case, Failure, Outcome, Transport, expect};
use crate::odd::{Few, OddClient, TextArgs, WideArgs, WideClient};
use crate::{Args, ArithClient, Base, BuiltinClient, Many, Maps, Reply, TypesClient};

pub(super) fn cases(transport: Transport) -> Vec<Case> {
    vec![
        Case::on(transport, "sync_call", sync_call),
        Case::on(transport, "calls_awaited_in_opposite_order", opposite_order),
        Case::on(transport, "unknown_method_and_service", unknown_names),
        Case::on(transport, "method_error", method_error),
        Case::on(transport, "errors_between_successes", errors_between_successes),
        Case::on(transport, "empty_error_is_success", empty_error),
        Case::on(transport, "argument_and_reply_that_are_no_structs", no_structs),
        Case::on(transport, "map_slice_and_array_replies", builtin_replies),
        Case::on(transport, "service_name_with_dots", dotted_names),
        Case::on(transport, "replies_out_of_order", out_of_order),
        Case::on(transport, "many_types", many_types),
        Case::on(transport, "big_maps", big_maps),
        Case::on(transport, "overflow_is_an_error_of_the_call", overflow),
        Case::on(transport, "wrong_argument_type_leaves_the_connection", wrong_argument),
        Case::on(transport, "wrong_reply_type_leaves_the_connection", wrong_reply),
        Case::on(transport, "1_mib_argument", |channel| echo_of(channel, 1 << 20)),
        Case::on(transport, "5_mib_argument", |channel| echo_of(channel, 5 << 20)),
        Case::on(transport, "1000_concurrent_calls", concurrent_calls),
        Case::on(transport, "large_and_small_calls_mixed", mixed_sizes),
        Case::on(transport, "timeout_keeps_the_stream_in_step", timeouts),
        Case::on(transport, "dropped_calls_keep_the_stream_in_step", dropped_calls),
        Case::on(transport, "metadata_is_no_obstacle", metadata),
        Case::on(transport, "call_after_close", call_after_close),
    ]
}

async fn add(arith: &ArithClient, a: i64, b: i64) -> Outcome {
    expect("Arith.Add", &arith.add(Args { a, b }).await?, &Reply { c: a + b })
}

/// Expects the server, not the connection, to have failed the call.
fn refused<T>(reply: Result<T, Status>, text: &str) -> Result<(), Failure> {
    let Err(status) = reply else { return Err(format!("no error, want `{text}`").into()) };
    expect("origin", &status.origin(), &Origin::Service)?;
    expect("code", &status.code(), &Code::Unknown)?;
    if !status.message().contains(text) {
        return Err(format!("error `{}`, want `{text}`", status.message()).into());
    }
    Ok(())
}

async fn sync_call(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    add(&arith, 7, 8).await?;
    add(&arith, 0, 0).await?;
    add(&arith, i64::MIN, 1).await?;
    expect("product", &arith.mul(Args { a: 7, b: -8 }).await?.c, &-56)
}

async fn opposite_order(channel: Channel) -> Outcome {
    let arith = Arc::new(ArithClient::new(channel));
    let mut tasks = JoinSet::new();
    for (a, b) in [(1, 2), (3, 4)] {
        let arith = Arc::clone(&arith);
        tasks.spawn(async move { add(&arith, a, b).await });
    }
    let second = arith.mul(Args { a: 7, b: 8 }).into_future();
    let first = arith.add(Args { a: 7, b: 8 }).into_future();
    expect("sum", &first.await?.c, &15)?;
    expect("product", &second.await?.c, &56)?;
    join(tasks).await
}

async fn join(mut tasks: JoinSet<Outcome>) -> Outcome {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn unknown_names(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel.clone());
    let arith = ArithClient::new(channel);
    let args = Args { a: 7, b: 0 };
    refused(odd.bad_operation(args).await, "rpc: can't find method Arith.BadOperation")?;
    let elsewhere = arith.add(args).service_name("Arithmetic");
    refused(elsewhere.await, "rpc: can't find service Arithmetic.Add")?;
    add(&arith, 1, 2).await
}

async fn method_error(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    let status = arith.div(Args { a: 7, b: 0 }).await.err().ok_or("no error")?;
    expect("text", &status.message(), &"divide by zero")?;
    expect("cause on this side", &status.cause::<ClientError>().is_some(), &false)?;
    refused(Err::<(), _>(status), "divide by zero")?;
    add(&arith, 1, 2).await
}

async fn errors_between_successes(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel.clone());
    let arith = ArithClient::new(channel);
    for a in 0..20 {
        refused(arith.div(Args { a, b: 0 }).await, "divide by zero")?;
        add(&arith, a, a).await?;
        refused(odd.bad_operation(Args { a, b: 0 }).await, "rpc: can't find method")?;
    }
    Ok(())
}

async fn empty_error(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel);
    expect("reply", &odd.empty_error(Args { a: 7, b: 0 }).await?.c, &7)
}

async fn no_structs(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    expect("Arith.Scan", &arith.scan("42".to_owned()).await?.c, &42)?;
    expect("Arith.String", &arith.string(Args { a: 7, b: 8 }).await?.as_str(), &"7+8=15")
}

async fn builtin_replies(channel: Channel) -> Outcome {
    let builtin = BuiltinClient::new(channel);
    expect("Builtin.Map", &builtin.map(7).await?, &HashMap::from([(7, 7)]))?;
    expect("empty Builtin.Map", &builtin.map(-1).await?, &HashMap::new())?;
    expect("Builtin.Slice", &builtin.slice(3).await?, &vec![0, 1, 2])?;
    expect("empty Builtin.Slice", &builtin.slice(0).await?, &vec![])?;
    expect("Builtin.Array", &builtin.array(7).await?, &[7, 14])?;
    Ok(builtin.nothing().await?)
}

async fn dotted_names(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    for name in ["net.rpc.Arith", "newServer.Arith"] {
        let reply = arith.add(Args { a: 7, b: 8 }).service_name(name).await?;
        expect(name, &reply.c, &15)?;
    }
    Ok(())
}

async fn out_of_order(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for milli in [400, 200, 0] {
        let (arith, order) = (arith.clone(), Arc::clone(&order));
        tasks.spawn(async move {
            let reply = arith.sleep_milli(Args { a: milli, b: 0 }).await?;
            order.lock().await.push(reply.c);
            Ok(())
        });
    }
    join(tasks).await?;
    expect("order", &*order.lock().await, &vec![0, 200, 400])
}

async fn many_types(channel: Channel) -> Outcome {
    let wide = WideClient::new(channel.clone());
    let types = TypesClient::new(channel);
    for _round in 0..3 {
        expect("Types.Echo", &types.echo(Many::full()).await?, &Many::full())?;
    }
    let few = || Few { text: "t".to_owned(), base: Base { user_id: "u".to_owned() } };
    expect("two fields of many", &wide.echo(few()).await?, &few())
}

async fn big_maps(channel: Channel) -> Outcome {
    let maps = Maps {
        by_name: (0..20_000).map(|i| (format!("key {i}"), i)).collect(),
        by_number: (0..20_000).map(|i| (i - 10_000, format!("value {i}"))).collect(),
    };
    expect("Types.Maps", &TypesClient::new(channel).maps(maps.clone()).await?, &maps)
}

async fn overflow(channel: Channel) -> Outcome {
    let wide = WideClient::new(channel.clone());
    expect("reply", &wide.narrow(WideArgs { n: -128 }).await?.n, &-128)?;
    // "out of range" in gob, "cannot unmarshal number 128" in JSON.
    refused(wide.narrow(WideArgs { n: 128 }).await, "n")?;
    add(&ArithClient::new(channel), 1, 2).await
}

async fn wrong_argument(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel.clone());
    let arith = ArithClient::new(channel);
    // Both encodings say "type" in this, as Go's own test wants it.
    refused(odd.add_text("text".to_owned()).await, "type")?;
    add(&arith, 1, 2).await?;
    refused(odd.mul_text(TextArgs { a: "text".to_owned() }).await, "type")?;
    add(&arith, 1, 2).await
}

/// Better than Go's client, which gives up the connection.
async fn wrong_reply(channel: Channel) -> Outcome {
    let odd = OddClient::new(channel.clone());
    let status = odd.div_to_text(Args { a: 7, b: 1 }).await.err().ok_or("no error")?;
    expect("code", &status.code(), &Code::Internal)?;
    let Some(ClientError::Decode { .. }) = status.cause::<ClientError>() else {
        return Err(format!("got {status:?}").into());
    };
    add(&ArithClient::new(channel), 1, 2).await
}

async fn echo_of(channel: Channel, size: usize) -> Outcome {
    let arith = ArithClient::new(channel);
    let bytes: Bytes = (0..size).map(|i| i.wrapping_mul(31).to_le_bytes()[0]).collect();
    if arith.echo(bytes.clone()).await? != bytes {
        return Err("other bytes came back".into());
    }
    add(&arith, 1, 2).await
}

async fn concurrent_calls(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    let mut tasks = JoinSet::new();
    for i in 0..1000 {
        let arith = arith.clone();
        tasks.spawn(async move {
            match i % 10 {
                0 | 3 | 6 => {
                    let reply = arith.sleep_milli(Args { a: i % 50, b: 0 }).await?;
                    expect("milliseconds", &reply.c, &(i % 50))
                }
                1 => refused(arith.div(Args { a: i, b: 0 }).await, "divide by zero"),
                _ => add(&arith, i, 1).await,
            }
        });
    }
    join(tasks).await
}

async fn mixed_sizes(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    let mut tasks = JoinSet::new();
    for i in 0..60_u8 {
        let arith = arith.clone();
        tasks.spawn(async move {
            if i % 3 != 0 {
                return add(&arith, i.into(), 1).await;
            }
            let bytes = Bytes::from(vec![i; 100_000 * usize::from(i % 4)]);
            expect("echo", &arith.echo(bytes.clone()).await?, &bytes)
        });
    }
    join(tasks).await
}

async fn timeouts(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    for milli in [120, 10_000] {
        let call = arith.sleep_milli(Args { a: milli, b: 0 }).timeout(Duration::from_millis(40));
        let status = call.await.err().ok_or("no error")?;
        expect("code", &status.code(), &Code::DeadlineExceeded)?;
        let Some(ClientError::Timeout) = status.cause::<ClientError>() else {
            return Err(format!("got {status:?}").into());
        };
        add(&arith, milli, 1).await?;
    }
    // By now the reply that nobody waits for has come.
    sleep(Duration::from_millis(150)).await;
    add(&arith, 1, 2).await
}

async fn dropped_calls(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    for i in 0..50 {
        let call = arith.sleep_milli(Args { a: i, b: 0 }).into_future();
        // A large argument is dropped half written, or not at all written, if that is possible.
        let large = arith.echo(Bytes::from(vec![7; 300_000])).into_future();
        let both = async { (large.await, call.await) };
        let given_up = timeout(Duration::from_micros(200), both).await.is_err();
        add(&arith, i, i64::from(given_up)).await?;
    }
    sleep(Duration::from_millis(60)).await;
    add(&arith, 1, 2).await
}

/// Go skips the fields of a header that it does not know.
async fn metadata(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel);
    for i in 0..5 {
        let call = arith.add(Args { a: i, b: 1 }).metadata("tenant", "acme");
        let call = call.metadata("tenant", "other").timeout(Duration::from_secs(20));
        expect("sum", &call.await?.c, &(i + 1))?;
    }
    Ok(())
}

async fn call_after_close(channel: Channel) -> Outcome {
    let arith = ArithClient::new(channel.clone());
    add(&arith, 1, 2).await?;
    channel.close();
    let status = arith.add(Args { a: 1, b: 2 }).await.err().ok_or("no error")?;
    match status.cause::<ClientError>() {
        Some(ClientError::Shutdown) => Ok(()),
        _ => Err(format!("got {status:?}").into()),
    }
}
