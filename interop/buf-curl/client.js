#!/usr/bin/env node
// Calls a server with `buf curl`, which is told the services by a file: by Connect, gRPC-Web and
// gRPC, over HTTP/1.1 and HTTP/2, in plain text and over TLS. Before that `buf` looks at the files that
// polywire's command line exports of the server, which is expected beside it; they are then called by,
// too. It starts the server itself, prints a line per case, `ok NAME` or `FAIL NAME: why`, and fails if
// a case did.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
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

const HERE = import.meta.dirname;

const BUF = path.join(HERE, "node_modules", ".bin", "buf");

const ORIGINAL = path.join(HERE, "testing.proto");

/** Runs a program to its end; its output, what it said beside it, and its exit code. */
function run(program, ...args) {
  const options = { cwd: HERE, timeout: CASE_MS };
  return new Promise((ended) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      ended({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

async function succeeds(program, ...args) {
  const { code, stdout, stderr } = await run(program, ...args);
  assert.equal(code, 0, stdout + stderr);
}

// What can be seen of a folder with exported files.
const files = {
  async compile(exported) {
    await succeeds(BUF, "build", exported);
  },

  // All that the original has is here: fields by number, type and names, values, types of methods. A
  // service in code does not tell "no side effects" from "idempotent".
  async mean_the_same(exported) {
    const breaking = { use: ["WIRE_JSON"], except: ["RPC_SAME_IDEMPOTENCY_LEVEL"] };
    const config = JSON.stringify({ version: "v2", breaking });
    await succeeds(BUF, "breaking", exported, "--against", ORIGINAL, "--config", config);
  },
};

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

/** Runs a case and says how it ended, if its name is asked for. */
async function attempt(title, only, run) {
  if (!title.includes(only)) return;
  try {
    await run();
    console.log(`ok ${title}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAIL ${title}: ${String(error.message).replaceAll("\n", "\\n")}`);
  }
}

async function main() {
  const { server, certificates, only } = options();
  if (!server || !certificates) {
    throw new Error("usage: client.js --server PROGRAM --certificates FOLDER [--only TEXT]");
  }
  const { child, offered } = await start(server, certificates);
  const exported = fs.mkdtempSync(path.join(os.tmpdir(), "exported-"));
  const polywire = path.join(path.dirname(server), `polywire${path.extname(server)}`);
  await succeeds(polywire, "export", "--proto", "--out", exported, `grpc://${offered.tcp}`);
  for (const [name, seen] of Object.entries(files)) {
    await attempt(`connect/exported/${name}`, only, () => seen(exported));
  }
  const trusted = ["--cacert", path.join(certificates, "ca.pem")];
  for (const [transport, { address, scheme, flags }] of Object.entries(TRANSPORTS)) {
    for (const protocol of PROTOCOLS) {
      if (protocol === "grpc" && transport === "http1") continue;
      const by = (schema) => (method, request, more) => {
        const url = `${scheme}://${offered[address]}/grpc.testing.TestService/${method}`;
        const secure = scheme === "https" ? trusted : [];
        const told = ["--schema", schema, "--data", JSON.stringify(request)];
        return run(BUF, "curl", "--protocol", protocol, ...flags, ...secure, ...told, ...more, url);
      };
      for (const [name, made] of Object.entries(cases)) {
        const title = `${protocol}/${transport}/${name}`;
        await attempt(`connect/${title}`, only, () => made(by(ORIGINAL)));
        if (transport === "http2") {
          await attempt(`connect/exported/${title}`, only, () => made(by(exported)));
        }
      }
    }
  }
  fs.rmSync(exported, { recursive: true });
  child.stdin.end();
}

main().catch((error) => {
  console.error(`client: ${error.message}`);
  process.exit(1);
});
