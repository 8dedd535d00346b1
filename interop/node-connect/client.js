#!/usr/bin/env node
// Runs gRPC's interop cases with connect-node against a server: by Connect, gRPC-Web and gRPC, in
// binary and in JSON, over HTTP/1.1 and HTTP/2, in plain text and over TLS. It starts the server
// itself, prints a line per case, `ok NAME`, `FAIL NAME: why` or `skip NAME: why`, and fails if a
// case did.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { cases, HTTP2_ONLY, LONG } from "./cases.js";
import { TestService, UnimplementedService } from "./gen/testing_pb.js";
import { gzip, options } from "./testing.js";

// Far beyond what any case takes.
const CASE_MS = 30_000;

const PROTOCOLS = {
  "connect": { create: createConnectTransport, useBinaryFormat: true },
  "connect-json": { create: createConnectTransport, useBinaryFormat: false },
  "grpc-web": { create: createGrpcWebTransport, useBinaryFormat: true },
  "grpc-web-json": { create: createGrpcWebTransport, useBinaryFormat: false },
  "grpc": { create: createGrpcTransport, useBinaryFormat: true },
  "grpc-json": { create: createGrpcTransport, useBinaryFormat: false },
};

const TRANSPORTS = {
  "http1": { address: "http", scheme: "http", httpVersion: "1.1" },
  "http2": { address: "tcp", scheme: "http", httpVersion: "2" },
  "http1+tls": { address: "tls", scheme: "https", httpVersion: "1.1" },
  "http2+tls": { address: "tls", scheme: "https", httpVersion: "2" },
};

async function start(program, certificates) {
  const stdio = ["pipe", "pipe", "inherit"];
  const child = spawn(program, ["--listen", "127.0.0.1:0", "--certificates", certificates], { stdio });
  const line = await new Promise((read, failed) => {
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
    readline.createInterface({ input: child.stdout }).once("line", read);
  });
  return { child, offered: JSON.parse(line) };
}

/** What a case calls through: clients, with options of their own if it needs some. */
function target(protocol, transport, address, ca) {
  const { create, useBinaryFormat } = PROTOCOLS[protocol];
  const { scheme, httpVersion } = TRANSPORTS[transport];
  const common = {
    baseUrl: `${scheme}://${address}`,
    httpVersion,
    useBinaryFormat,
    nodeOptions: { ca },
    acceptCompression: [gzip],
  };
  const client = (Service = TestService, more = {}) => createClient(Service, create({ ...common, ...more }));
  const missing = () => client(UnimplementedService);
  return { protocol, test: client(), client, missing };
}

/** Whether a case can be had by this protocol over this transport at all, and is worth its time. */
function applies(name, protocol, transport) {
  const isHttp1 = transport.startsWith("http1");
  if (isHttp1 && (protocol.startsWith("grpc") && !protocol.startsWith("grpc-web"))) return false;
  if (isHttp1 && HTTP2_ONLY.includes(name)) return false;
  if (LONG.includes(name)) return transport === "http2" && !protocol.endsWith("json");
  return name !== "get_unary" || protocol.startsWith("connect");
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
  }
}

/** All that there is to run, in order. */
function* all(offered, ca) {
  for (const transport of Object.keys(TRANSPORTS)) {
    for (const protocol of Object.keys(PROTOCOLS)) {
      const peer = target(protocol, transport, offered[TRANSPORTS[transport].address], ca);
      for (const [name, run] of Object.entries(cases)) {
        if (!applies(name, protocol, transport)) continue;
        const absent = offered[`without ${transport}`] ?? offered[`without ${name}`];
        yield { title: `connect/${protocol}/${transport}/${name}`, run, peer, absent };
      }
    }
  }
}

async function main() {
  const { server, certificates, only = "", words } =
    options(["--server", "--certificates", "--only"]);
  if (!server || !certificates || words.some((suite) => suite !== "connect")) {
    throw new Error("usage: client.js --server PROGRAM --certificates FOLDER [--only TEXT] [connect]");
  }
  const { child, offered } = await start(server, certificates);
  const ca = fs.readFileSync(path.join(certificates, "ca.pem"));
  let failed = 0;
  for (const { title, run, peer, absent } of all(offered, ca)) {
    if (!title.includes(only)) continue;
    if (absent) {
      console.log(`skip ${title}: ${absent}`);
      continue;
    }
    try {
      await attempt(run, peer);
      console.log(`ok ${title}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${title}: ${String(error.message).replaceAll("\n", "\\n")}`);
    }
  }
  child.stdin.end();
  // Connections that are kept for the next call would keep the process.
  process.exit(failed > 0 ? 1 : 0);
}

main().catch((error) => {
  console.error(`client: ${error.message}`);
  process.exit(1);
});
