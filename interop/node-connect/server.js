#!/usr/bin/env node
// gRPC's test service on connect-node, by Connect, gRPC-Web and gRPC: HTTP/1.1 and HTTP/2 in plain
// text on a port each, both over TLS on a third, HTTP/1.1 alone over TLS on a fourth. It prints its
// addresses as one line of JSON, with the cases it cannot serve, and ends when its standard input
// does.
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { TestService } from "./gen/testing_pb.js";
import { gzip, INITIAL, options, takeInflated, TRAILING, zeros } from "./testing.js";

const BY_LENGTH = "connect-node's server compresses every message that is long enough";

function unary(request, context) {
  echo(context);
  asAnnounced(request.expectCompressed);
  refuse(request.responseStatus);
  context.responseHeader.set("x-http-method", context.requestMethod);
  return { payload: zeros(request.responseSize) };
}

const service = {
  emptyCall: () => ({}),
  unaryCall: unary,
  cacheableUnaryCall: unary,
  streamingOutputCall: replies,
  async streamingInputCall(requests) {
    let sum = 0;
    for await (const request of requests) {
      asAnnounced(request.expectCompressed);
      sum += request.payload?.body.length ?? 0;
    }
    return { aggregatedPayloadSize: sum };
  },
  async *fullDuplexCall(requests, context) {
    echo(context);
    for await (const request of requests) {
      refuse(request.responseStatus);
      yield* replies(request);
    }
  },
  async *halfDuplexCall(requests) {
    const all = [];
    for await (const request of requests) all.push(request);
    for (const request of all) yield* replies(request);
  },
};

async function* replies({ responseParameters }) {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000);
    yield { payload: zeros(size) };
  }
}

function echo({ requestHeader, responseHeader, responseTrailer }) {
  const [initial, trailing] = [requestHeader.get(INITIAL), requestHeader.get(TRAILING)];
  if (initial !== null) responseHeader.set(INITIAL, initial);
  if (trailing !== null) responseTrailer.set(TRAILING, trailing);
}

function asAnnounced(announced) {
  const compressed = takeInflated() > 0;
  if (!announced || announced.value === compressed) return;
  throw new ConnectError(`compressed is ${compressed}`, Code.InvalidArgument);
}

function refuse(status) {
  if (status && status.code !== 0) throw new ConnectError(status.message, status.code);
}

function listen(server, port = 0) {
  return new Promise((bound, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => bound(`127.0.0.1:${server.address().port}`));
  });
}

const { listen: address = "127.0.0.1:0", certificates } = options(["--listen", "--certificates"]);
const routes = (router) => router.service(TestService, service);
const handler = connectNodeAdapter({ routes, acceptCompression: [gzip] });
const offered = {
  tcp: await listen(http2.createServer(handler), Number(address.split(":").pop())),
  http: await listen(http.createServer(handler)),
  "without server_compressed_unary": BY_LENGTH,
  "without server_compressed_streaming": BY_LENGTH,
};
if (certificates) {
  const read = (name) => fs.readFileSync(path.join(certificates, name));
  const pair = { cert: read("cert.pem"), key: read("key.pem") };
  offered.tls = await listen(http2.createSecureServer({ ...pair, allowHTTP1: true }, handler));
  offered["tls-http1"] = await listen(https.createServer(pair, handler));
}
console.log(JSON.stringify(offered));
process.stdin.resume().on("end", () => process.exit(0));
