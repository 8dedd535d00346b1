// The cases, by the names that gRPC's descriptions give them where they have them.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { TestService } from "./gen/testing_pb.js";
import { gzip, INITIAL, takeInflated, TRAILING, zeros } from "./testing.js";

const LARGE_REQUEST = 271828;
const LARGE_RESPONSE = 314159;
const REQUESTS = [27182, 8, 1828, 45904];
const RESPONSES = [31415, 9, 2653, 58979];

// Streams both ways at once.
export const HTTP2_ONLY = ["ping_pong", "empty_stream", "custom_metadata_of_a_stream"];
// Run where they differ from one another only.
export const LONG = ["concurrent_large_unary", "rpc_soak"];

const ofSize = (size) => ({ size });
const ping = (request, response) =>
  ({ responseParameters: [ofSize(response)], payload: zeros(request) });
// Below this the library leaves messages as they are.
const compressing = { sendCompression: gzip, compressMinBytes: 1024 };

async function fails(promise, code, message) {
  const error = await promise.then(() => assert.fail("no error"), (error) => ConnectError.from(error));
  assert.equal(error.code, code, error.message);
  if (message !== undefined) assert.equal(error.rawMessage, message);
}

async function large(test, more = {}) {
  const request = { responseSize: LARGE_RESPONSE, payload: zeros(LARGE_REQUEST), ...more };
  const { payload } = await test.unaryCall(request);
  assert.equal(payload.body.length, LARGE_RESPONSE);
}

/** Reads all replies, and gives the sizes of their payloads. */
async function sizes(replies) {
  const found = [];
  for await (const { payload } of replies) found.push(payload.body.length);
  return found;
}

/** Metadata that comes back, and what looks at it when it has. */
function echoed() {
  const headers = { [INITIAL]: "test_initial_metadata_value", [TRAILING]: "q6ur" };
  const seen = {};
  const check = () => {
    assert.equal(seen.header.get(INITIAL), headers[INITIAL]);
    // Padding may come or not.
    assert.equal(seen.trailer.get(TRAILING)?.replace(/=+$/, ""), headers[TRAILING]);
  };
  const options = {
    headers,
    onHeader: (found) => (seen.header = found),
    onTrailer: (found) => (seen.trailer = found),
  };
  return { options, check };
}

async function* of(...messages) {
  yield* messages;
}

export const cases = {
  async empty_unary({ test }) {
    await test.emptyCall({});
  },

  async large_unary({ test }) {
    await large(test);
  },

  async get_unary({ client }) {
    const test = client(TestService, { useHttpGet: true });
    // Some servers tell how they were called.
    const onHeader = (found) => assert.equal(found.get("x-http-method") ?? "GET", "GET");
    const request = { responseSize: 9, payload: zeros(8) };
    const { payload } = await test.cacheableUnaryCall(request, { onHeader });
    assert.equal(payload.body.length, 9);
    const responseStatus = { code: Code.NotFound, message: "not here" };
    await fails(test.cacheableUnaryCall({ responseStatus }), Code.NotFound, "not here");
  },

  async client_compressed_unary({ test, client }) {
    const announced = (value) => ({ expectCompressed: { value } });
    await fails(large(test, announced(true)), Code.InvalidArgument);
    await large(client(TestService, compressing), announced(true));
    await large(test, announced(false));
  },

  async server_compressed_unary({ test }) {
    for (const value of [true, false]) {
      takeInflated();
      await large(test, { responseCompressed: { value } });
      assert.equal(takeInflated(), value ? 1 : 0, "messages that came compressed");
    }
  },

  async client_streaming({ test }) {
    const messages = REQUESTS.map((size) => ({ payload: zeros(size) }));
    const { aggregatedPayloadSize } = await test.streamingInputCall(of(...messages));
    assert.equal(aggregatedPayloadSize, 74922);
  },

  async client_compressed_streaming({ test, client }) {
    const message = (value, size) => ({ expectCompressed: { value }, payload: zeros(size) });
    await fails(test.streamingInputCall(of(message(true, 27182))), Code.InvalidArgument);
    const messages = of(message(true, 27182), message(false, 8));
    const reply = await client(TestService, compressing).streamingInputCall(messages);
    assert.equal(reply.aggregatedPayloadSize, 27190);
  },

  async server_streaming({ test }) {
    const replies = test.streamingOutputCall({ responseParameters: RESPONSES.map(ofSize) });
    assert.deepEqual(await sizes(replies), RESPONSES);
  },

  async server_compressed_streaming({ test }) {
    const responseParameters = [
      { size: 31415, compressed: { value: true } },
      { size: 92653, compressed: { value: false } },
    ];
    takeInflated();
    assert.deepEqual(await sizes(test.streamingOutputCall({ responseParameters })), [31415, 92653]);
    assert.equal(takeInflated(), 1, "messages that came compressed");
  },

  async compressed_both_ways({ client }) {
    const test = client(TestService, compressing);
    const compressed = { value: true };
    takeInflated();
    await large(test, { expectCompressed: compressed, responseCompressed: compressed });
    assert.ok(takeInflated() > 0, "the reply did not come compressed");
    const responseParameters = RESPONSES.map((size) => ({ size, compressed }));
    assert.deepEqual(await sizes(test.streamingOutputCall({ responseParameters })), RESPONSES);
    assert.ok(takeInflated() > 0, "no reply of the stream came compressed");
  },

  async ping_pong({ test }) {
    const requests = new PassThrough({ objectMode: true });
    requests.write(ping(REQUESTS[0], RESPONSES[0]));
    let replied = 0;
    for await (const { payload } of test.fullDuplexCall(requests)) {
      assert.equal(payload.body.length, RESPONSES[replied]);
      replied += 1;
      if (replied < RESPONSES.length) requests.write(ping(REQUESTS[replied], RESPONSES[replied]));
      else requests.end();
    }
    assert.equal(replied, RESPONSES.length);
  },

  async empty_stream({ test }) {
    assert.deepEqual(await sizes(test.fullDuplexCall(of())), []);
  },

  async custom_metadata({ test }) {
    const { options, check } = echoed();
    await test.unaryCall({ responseSize: 1, payload: zeros(1) }, options);
    check();
  },

  async custom_metadata_of_a_stream({ test }) {
    const { options, check } = echoed();
    assert.deepEqual(await sizes(test.fullDuplexCall(of(ping(1, 1)), options)), [1]);
    check();
  },

  async status_code_and_message({ test }) {
    const responseStatus = { code: Code.Unknown, message: "test status message" };
    await fails(test.unaryCall({ responseStatus }), Code.Unknown, responseStatus.message);
  },

  async every_status_code({ test }) {
    for (let code = Code.Canceled; code <= Code.Unauthenticated; code += 1) {
      await fails(test.unaryCall({ responseStatus: { code, message: `${code}` } }), code, `${code}`);
    }
  },

  async special_status_message({ test }) {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    await fails(test.unaryCall({ responseStatus: { code: Code.Unknown, message } }), Code.Unknown, message);
  },

  async unimplemented_method({ test }) {
    await fails(test.unimplementedCall({}), Code.Unimplemented);
  },

  async unimplemented_service({ missing }) {
    await fails(missing().unimplementedCall({}), Code.Unimplemented);
  },

  async cancel_after_begin({ test }) {
    const abort = new AbortController();
    const { signal } = abort;
    async function* nothing() {
      setImmediate(() => abort.abort());
      await new Promise((aborted) => signal.addEventListener("abort", aborted));
    }
    await fails(test.streamingInputCall(nothing(), { signal }), Code.Canceled);
    await test.emptyCall({});
  },

  async cancel_after_first_response({ test }) {
    const abort = new AbortController();
    const responseParameters = [{ size: 1 }, { size: 1, intervalUs: 10_000_000 }];
    const call = async () => {
      const options = { signal: abort.signal };
      for await (const _ of test.streamingOutputCall({ responseParameters }, options)) abort.abort();
    };
    await fails(call(), Code.Canceled);
    await test.emptyCall({});
  },

  async timeout_on_sleeping_server({ test }) {
    const responseParameters = [{ size: 1, intervalUs: 10_000_000 }];
    const replies = test.streamingOutputCall({ responseParameters }, { timeoutMs: 50 });
    await fails(sizes(replies), Code.DeadlineExceeded);
  },

  async concurrent_large_unary({ test }) {
    await Promise.all(Array.from({ length: 200 }, () => large(test)));
  },

  async rpc_soak({ test }) {
    const worker = async () => {
      for (let calls = 0; calls < 25; calls += 1) await large(test);
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
  },
};
