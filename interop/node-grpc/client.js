#!/usr/bin/env node
// Runs gRPC's interop cases with grpc-js against a server. It starts the server itself, prints a
// line per case, `ok NAME`, `FAIL NAME: why` or `skip NAME: why`, and fails if a case did.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { setTimeout: sleep } = require("node:timers/promises");
const grpc = require("@grpc/grpc-js");
const { cases } = require("./cases");
const { options, testing } = require("./testing");

// Far beyond what any case takes.
const CASE_MS = 30_000;

const CHANNEL = {
  "grpc.max_receive_message_length": -1,
  // Each client has connections of its own.
  "grpc.use_local_subchannel_pool": 1,
  // Node asks for no certificate of an IP address.
  "grpc.ssl_target_name_override": "localhost",
};

async function start(program, certificates) {
  const stdio = ["pipe", "pipe", "inherit"];
  const child = spawn(program, ["--listen", "127.0.0.1:0", "--certificates", certificates], { stdio });
  const [line] = await new Promise((read, failed) => {
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
    readline.createInterface({ input: child.stdout }).once("line", (line) => read([line]));
  });
  return { child, offered: JSON.parse(line) };
}

// What a case calls through: clients on connections of their own.
function target(address, credentials) {
  const open = [];
  const client = (Service = testing.TestService, channel = {}) => {
    const made = new Service(address, credentials, { ...CHANNEL, ...channel });
    open.push(made);
    return made;
  };
  return { client, close: () => open.forEach((client) => client.close()) };
}

async function attempt(run, peer) {
  const late = new AbortController();
  const timeout = sleep(CASE_MS, null, { signal: late.signal }).then(() => {
    throw new Error(`no end after ${CASE_MS / 1000} s`);
  });
  timeout.catch(() => {});
  try {
    await Promise.race([run(peer), timeout]);
  } finally {
    late.abort();
    peer.close();
  }
}

async function main() {
  const { server, certificates, only = "", words } =
    options(["--server", "--certificates", "--only"]);
  if (!server || !certificates || words.some((suite) => suite !== "grpc")) {
    throw new Error("usage: client.js --server PROGRAM --certificates FOLDER [--only TEXT] [grpc]");
  }
  const { child, offered } = await start(server, certificates);
  const ca = fs.readFileSync(path.join(certificates, "ca.pem"));
  const transports = { tcp: grpc.credentials.createInsecure(), tls: grpc.credentials.createSsl(ca) };
  let failed = 0;
  for (const [transport, credentials] of Object.entries(transports)) {
    for (const [name, run] of Object.entries(cases)) {
      const title = `grpc/${transport}/${name}`;
      if (!title.includes(only)) continue;
      const absent = offered[`without ${name}`];
      if (absent) {
        console.log(`skip ${title}: ${absent}`);
        continue;
      }
      try {
        await attempt(run, target(offered[transport], credentials));
        console.log(`ok ${title}`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${title}: ${String(error.message).replaceAll("\n", "\\n")}`);
      }
    }
  }
  child.stdin.end();
  process.exitCode = failed > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(`client: ${error.message}`);
  process.exit(1);
});
