// The cases, by the names that gRPC's descriptions give them.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const grpc = require("@grpc/grpc-js");
const { echoInitial, echoTrailing, takeInflated, testing, zeros } = require("./testing");

const LARGE_REQUEST = 271828;
const LARGE_RESPONSE = 314159;
const REQUESTS = [27182, 8, 1828, 45904];
const RESPONSES = [31415, 9, 2653, 58979];

const GZIP = { "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip };
const { CANCELLED, DEADLINE_EXCEEDED, INVALID_ARGUMENT, UNIMPLEMENTED, UNKNOWN } = grpc.status;

/** One call whose reply is one message; what came beside it, too. */
function unary(client, method, request, metadata = new grpc.Metadata(), options = {}) {
  return new Promise((answered, failed) => {
    const seen = {};
    const call = client[method](request, metadata, options, (error, reply) => {
      if (error) failed(error);
      else seen.reply = reply;
    });
    call.on("metadata", (headers) => (seen.headers = headers));
    call.on("status", ({ metadata }) => answered({ ...seen, trailers: metadata }));
  });
}

/** A call that takes a stream and answers with one message. */
function upload(client, messages, options = {}) {
  return new Promise((answered, failed) => {
    const call = client.StreamingInputCall(new grpc.Metadata(), options, (error, reply) => {
      if (error) failed(error);
      else answered(reply);
    });
    for (const message of messages) call.write(message);
    call.end();
  });
}

async function fails(promise, code, details) {
  const error = await promise.then(() => assert.fail("no error"), (error) => error);
  assert.equal(error.code, code, error.message);
  if (details !== undefined) assert.equal(error.details, details);
}

const ofSize = (size) => ({ size });
const ping = (request, response) =>
  ({ response_parameters: [ofSize(response)], payload: zeros(request) });

async function large(client, more = {}, options = {}) {
  const request = { response_size: LARGE_RESPONSE, payload: zeros(LARGE_REQUEST), ...more };
  const { reply } = await unary(client, "UnaryCall", request, new grpc.Metadata(), options);
  assert.equal(reply.payload.body.length, LARGE_RESPONSE);
}

/** Reads one message after another; the end is `null`, an error is thrown. */
function reader(call) {
  const messages = call.iterator({ destroyOnReturn: false });
  return async () => {
    const { done, value } = await messages.next();
    return done ? null : value;
  };
}

/** Sends the messages, up to the first that is not announced as compressed, compressed. */
class AsAnnounced extends grpc.InterceptingCall {
  sendMessageWithContext(context, message) {
    const compressed = message.expect_compressed && message.expect_compressed.value;
    // 2 is grpc-js's flag for a message that stays as it is.
    super.sendMessageWithContext({ ...context, flags: compressed ? 0 : 2 }, message);
  }
}
const asAnnounced = {
  interceptors: [(options, next) => new AsAnnounced(next(options))],
};

async function soak(client) {
  const worker = async () => {
    for (let calls = 0; calls < 25; calls += 1) await large(client());
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

exports.cases = {
  async empty_unary({ client }) {
    await unary(client(), "EmptyCall", {});
  },

  async large_unary({ client }) {
    await large(client());
  },

  async client_compressed_unary({ client }) {
    const announced = (value) => ({ expect_compressed: { value } });
    await fails(large(client(), announced(true)), INVALID_ARGUMENT);
    await large(client(testing.TestService, GZIP), announced(true), asAnnounced);
    await large(client(testing.TestService, GZIP), announced(false), asAnnounced);
  },

  async server_compressed_unary({ client }) {
    for (const value of [true, false]) {
      takeInflated();
      await large(client(), { response_compressed: { value } });
      assert.equal(takeInflated(), value ? 1 : 0, "messages that came compressed");
    }
  },

  async client_streaming({ client }) {
    const messages = REQUESTS.map((size) => ({ payload: zeros(size) }));
    const reply = await upload(client(), messages);
    assert.equal(reply.aggregated_payload_size, 74922);
  },

  async client_compressed_streaming({ client }) {
    const message = (value, size) => ({ expect_compressed: { value }, payload: zeros(size) });
    await fails(upload(client(), [message(true, 27182)]), INVALID_ARGUMENT);
    const compressing = client(testing.TestService, GZIP);
    const messages = [message(true, 27182), message(false, 45904)];
    const reply = await upload(compressing, messages, asAnnounced);
    assert.equal(reply.aggregated_payload_size, 73086);
  },

  async server_streaming({ client }) {
    const next = reader(client().StreamingOutputCall({ response_parameters: RESPONSES.map(ofSize) }));
    for (const size of RESPONSES) assert.equal((await next()).payload.body.length, size);
    assert.equal(await next(), null);
  },

  async server_compressed_streaming({ client }) {
    const wanted = [{ size: 31415, compressed: { value: true } }, { size: 92653, compressed: { value: false } }];
    takeInflated();
    const next = reader(client().StreamingOutputCall({ response_parameters: wanted }));
    for (const { size } of wanted) assert.equal((await next()).payload.body.length, size);
    assert.equal(await next(), null);
    assert.equal(takeInflated(), 1, "messages that came compressed");
  },

  async ping_pong({ client }) {
    const call = client().FullDuplexCall();
    const next = reader(call);
    for (const [i, size] of RESPONSES.entries()) {
      call.write(ping(REQUESTS[i], size));
      assert.equal((await next()).payload.body.length, size);
    }
    call.end();
    assert.equal(await next(), null);
  },

  async empty_stream({ client }) {
    const call = client().FullDuplexCall();
    call.end();
    assert.equal(await reader(call)(), null);
  },

  async custom_metadata({ client }) {
    const binary = Buffer.from([0xab, 0xab, 0xab]);
    const metadata = new grpc.Metadata();
    metadata.set(echoInitial, "test_initial_metadata_value");
    metadata.set(echoTrailing, binary);
    const check = (headers, trailers) => {
      assert.deepEqual(headers.get(echoInitial), ["test_initial_metadata_value"]);
      assert.deepEqual(trailers.get(echoTrailing), [binary]);
    };
    const request = { response_size: 1, payload: zeros(1) };
    const { headers, trailers } = await unary(client(), "UnaryCall", request, metadata);
    check(headers, trailers);

    const call = client().FullDuplexCall(metadata);
    const [streamHeaders, status] = [once(call, "metadata"), once(call, "status")];
    const next = reader(call);
    call.write(ping(1, 1));
    assert.equal((await next()).payload.body.length, 1);
    call.end();
    assert.equal(await next(), null);
    check((await streamHeaders)[0], (await status)[0].metadata);
  },

  async status_code_and_message({ client }) {
    const response_status = { code: 2, message: "test status message" };
    const call = unary(client(), "UnaryCall", { response_status });
    await fails(call, UNKNOWN, "test status message");
    const stream = client().FullDuplexCall();
    const next = reader(stream);
    stream.write({ response_status });
    stream.end();
    await fails(next(), UNKNOWN, "test status message");
  },

  async special_status_message({ client }) {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const call = unary(client(), "UnaryCall", { response_status: { code: 2, message } });
    await fails(call, UNKNOWN, message);
  },

  async unimplemented_method({ client }) {
    await fails(unary(client(), "UnimplementedCall", {}), UNIMPLEMENTED);
  },

  async unimplemented_service({ client }) {
    const missing = client(testing.UnimplementedService);
    await fails(unary(missing, "UnimplementedCall", {}), UNIMPLEMENTED);
  },

  async cancel_after_begin({ client }) {
    const outcome = new Promise((answered, failed) => {
      const call = client().StreamingInputCall((error, reply) => (error ? failed(error) : answered(reply)));
      setImmediate(() => call.cancel());
    });
    await fails(outcome, CANCELLED);
  },

  async cancel_after_first_response({ client }) {
    const call = client().FullDuplexCall();
    const next = reader(call);
    call.write(ping(REQUESTS[0], RESPONSES[0]));
    assert.equal((await next()).payload.body.length, RESPONSES[0]);
    call.cancel();
    await fails(next(), CANCELLED);
  },

  async timeout_on_sleeping_server({ client }) {
    const call = client().FullDuplexCall(new grpc.Metadata(), { deadline: Date.now() + 1 });
    const next = reader(call);
    // The call may be over before the message is written.
    call.on("error", () => {});
    call.write({ payload: zeros(REQUESTS[0]) });
    await fails(next(), DEADLINE_EXCEEDED);
  },

  async concurrent_large_unary({ client }) {
    const shared = client();
    await Promise.all(Array.from({ length: 1000 }, () => large(shared)));
  },

  async rpc_soak({ client }) {
    const shared = client();
    await soak(() => shared);
  },

  async channel_soak({ client }) {
    await soak(() => client());
  },
};
