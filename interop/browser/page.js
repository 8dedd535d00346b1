// Runs in the browser: calls the server of another origin and reports a line per case.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { TestService, UnimplementedService } from "./gen/testing_pb.js";

const { server, only } = Object.fromEntries(new URLSearchParams(location.search));

const transports = {
  "grpc-web": createGrpcWebTransport({ baseUrl: server }),
  "grpc-web-json": createGrpcWebTransport({ baseUrl: server, useBinaryFormat: false }),
  "connect": createConnectTransport({ baseUrl: server, useBinaryFormat: true }),
  "connect-json": createConnectTransport({ baseUrl: server }),
  "connect-get": createConnectTransport({ baseUrl: server, useHttpGet: true }),
};

const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";
const zeros = (size) => ({ body: new Uint8Array(size) });

function check(condition, text) {
  if (!condition) throw new Error(text);
}

async function refused(call, code, message) {
  try {
    await call;
  } catch (error) {
    const known = ConnectError.from(error);
    check(known.code === code, `code ${known.code}, not ${code}: ${known.message}`);
    check(message === undefined || known.rawMessage === message, `message ${known.rawMessage}`);
    return;
  }
  throw new Error("the call was answered");
}

const cases = {
  async empty_unary({ test }) {
    await test.emptyCall({});
  },
  async large_unary({ test }) {
    const reply = await test.unaryCall({ responseSize: 314159, payload: zeros(271828) });
    check(reply.payload.body.length === 314159, `${reply.payload.body.length} bytes came back`);
  },
  async server_streaming({ test }) {
    const sizes = [31415, 9, 2653, 58979];
    const responseParameters = sizes.map((size) => ({ size }));
    const came = [];
    for await (const reply of test.streamingOutputCall({ responseParameters })) {
      came.push(reply.payload.body.length);
    }
    check(came.join() === sizes.join(), `sizes ${came}`);
  },
  async custom_metadata({ test }) {
    let leading, trailing;
    const headers = { [INITIAL]: "test_initial_metadata_value", [TRAILING]: "q6ur" };
    await test.unaryCall({ responseSize: 1, payload: zeros(1) }, {
      headers,
      onHeader: (found) => (leading = found),
      onTrailer: (found) => (trailing = found),
    });
    check(leading.get(INITIAL) === headers[INITIAL], `leading ${leading.get(INITIAL)}`);
    check(trailing.get(TRAILING) === "q6ur", `trailing ${trailing.get(TRAILING)}`);
  },
  async status_code_and_message({ test }) {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    await refused(test.unaryCall({ responseStatus: { code: 2, message } }), Code.Unknown, message);
  },
  async unimplemented_method({ test }) {
    await refused(test.unimplementedCall({}), Code.Unimplemented);
  },
  async unimplemented_service({ unknown }) {
    await refused(unknown.unimplementedCall({}), Code.Unimplemented);
  },
  async timeout_on_sleeping_server({ test }) {
    const responseParameters = [{ size: 1, intervalUs: 10_000_000 }];
    const call = async () => {
      for await (const _ of test.streamingOutputCall({ responseParameters }, { timeoutMs: 50 }));
    };
    await refused(call(), Code.DeadlineExceeded);
  },
  async cancel_after_first_response({ test }) {
    const abort = new AbortController();
    const responseParameters = [{ size: 1 }, { size: 1, intervalUs: 10_000_000 }];
    const call = async () => {
      const options = { signal: abort.signal };
      for await (const _ of test.streamingOutputCall({ responseParameters }, options)) abort.abort();
    };
    await refused(call(), Code.Canceled);
  },
};

async function run() {
  const lines = [];
  for (const [wire, transport] of Object.entries(transports)) {
    const test = createClient(TestService, transport);
    const unknown = createClient(UnimplementedService, transport);
    for (const [name, attempt] of Object.entries(cases)) {
      const title = `web/${wire}/${name}`;
      if (!title.includes(only)) continue;
      try {
        await attempt({ test, unknown });
        lines.push(`ok ${title}`);
      } catch (error) {
        lines.push(`FAIL ${title}: ${String(error.message).replaceAll("\n", "\\n")}`);
      }
    }
  }
  await fetch("/done", { method: "POST", body: lines.join("\n") });
}

run();
