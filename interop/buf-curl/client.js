#!/usr/bin/env node
// Calls a server with `buf curl`, which is told the services by a file: by Connect, gRPC-Web and
// gRPC, over HTTP/1.1 and HTTP/2, in plain text and over TLS. It starts the server itself, prints a
// line per case, `ok NAME` or `FAIL NAME: why`, and fails if a case did.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";

// Far beyond what any case takes.
const CASE_MS = 30_000;

const PROTOCOLS = ["connect", "grpcweb", "grpc"];

const TRANSPORTS = {
  "http1": { address: "http", scheme: "http", flags: [] },
  "http2": { address: "tcp", scheme: "http", flags: ["--http2-prior-knowledge"] },
  "http2+tls": { address: "tls", scheme: "https", flags: [] },
};

/** Runs it to its end; its replies, what it said beside them, and its exit code. */
function buf(args) {
  const program = path.join(import.meta.dirname, "node_modules", ".bin", "buf");
  const options = { cwd: import.meta.dirname, timeout: CASE_MS };
  return new Promise((ended) => {
    execFile(program, ["curl", "--schema", "testing.proto", ...args], options, (error, stdout, stderr) => {
      ended({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

async function answered(call, method, request, ...flags) {
  const { code, stdout, stderr } = await call(method, request, flags);
  assert.equal(code, 0, stderr);
  // Replies are values of JSON, one behind the other.
  return { replies: JSON.parse(`[${stdout.trim().replaceAll(/}\s*{/g, "},{")}]`), stderr };
}

const cases = {
  async unary(call) {
    const request = { responseSize: 3, payload: { body: "AAAA" } };
    const { replies } = await answered(call, "UnaryCall", request);
    assert.deepEqual(replies, [{ payload: { body: "AAAA" } }]);
  },

  async server_stream(call) {
    const request = { responseParameters: [{ size: 1 }, { size: 2 }] };
    const { replies } = await answered(call, "StreamingOutputCall", request);
    assert.deepEqual(replies, [{ payload: { body: "AA==" } }, { payload: { body: "AAA=" } }]);
  },

  async error(call) {
    const request = { responseStatus: { code: 5, message: "not here" } };
    const { code, stderr } = await call("UnaryCall", request, []);
    assert.notEqual(code, 0, "the call was answered");
    const { code: name, message } = JSON.parse(stderr);
    assert.deepEqual({ name, message }, { name: "not_found", message: "not here" });
  },

  async metadata(call) {
    const header = "x-grpc-test-echo-initial: from-a-header";
    const flags = ["-v", "-H", header];
    const { stderr } = await answered(call, "UnaryCall", { responseSize: 1 }, ...flags);
    assert.match(stderr, /< .*x-grpc-test-echo-initial: from-a-header/i);
  },
};

async function start(program, certificates) {
  const args = ["--listen", "127.0.0.1:0", "--certificates", certificates];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const line = await new Promise((read, failed) => {
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
    readline.createInterface({ input: child.stdout }).once("line", read);
  });
  return { child, offered: JSON.parse(line) };
}

function options() {
  const values = { only: "" };
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (word.startsWith("--")) values[word.slice(2)] = words.shift();
  }
  return values;
}

async function main() {
  const { server, certificates, only } = options();
  if (!server || !certificates) {
    throw new Error("usage: client.js --server PROGRAM --certificates FOLDER [--only TEXT]");
  }
  const { child, offered } = await start(server, certificates);
  const trusted = ["--cacert", path.join(certificates, "ca.pem")];
  for (const [transport, { address, scheme, flags }] of Object.entries(TRANSPORTS)) {
    for (const protocol of PROTOCOLS) {
      if (protocol === "grpc" && transport === "http1") continue;
      const call = (method, request, more) => {
        const url = `${scheme}://${offered[address]}/grpc.testing.TestService/${method}`;
        const secure = scheme === "https" ? trusted : [];
        const data = ["--data", JSON.stringify(request)];
        return buf(["--protocol", protocol, ...flags, ...secure, ...data, ...more, url]);
      };
      for (const [name, run] of Object.entries(cases)) {
        const title = `connect/${protocol}/${transport}/${name}`;
        if (!title.includes(only)) continue;
        try {
          await run(call);
          console.log(`ok ${title}`);
        } catch (error) {
          process.exitCode = 1;
          console.log(`FAIL ${title}: ${String(error.message).replaceAll("\n", "\\n")}`);
        }
      }
    }
  }
  child.stdin.end();
}

main().catch((error) => {
  console.error(`client: ${error.message}`);
  process.exit(1);
});
