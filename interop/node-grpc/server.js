#!/usr/bin/env node
// gRPC's test server on grpc-js, in plain text and over TLS. It prints its addresses as one line of
// JSON, with the cases it cannot serve, and ends when its standard input does.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const grpc = require("@grpc/grpc-js");
const { echoInitial, echoTrailing, options, takeInflated, testing, zeros } = require("./testing");

const NO_COMPRESSION = "grpc-js's server does not compress";

const service = {
  EmptyCall: (_call, answer) => answer(null, {}),
  UnaryCall: unary,
  CacheableUnaryCall: unary,
  async StreamingOutputCall(call) {
    await reply(call, call.request);
    call.end();
  },
  StreamingInputCall(call, answer) {
    let sum = 0;
    call.on("data", (request) => {
      const refusal = asAnnounced(request.expect_compressed);
      if (refusal) return answer(refusal);
      sum += request.payload ? request.payload.body.length : 0;
    });
    call.on("end", () => answer(null, { aggregated_payload_size: sum }));
  },
  FullDuplexCall: unlessGone(async (call) => {
    echo(call);
    for await (const request of requestsOf(call)) {
      if (refused(call, request)) return;
      await reply(call, request);
    }
    call.end(trailers(call));
  }),
  HalfDuplexCall: unlessGone(async (call) => {
    const requests = [];
    for await (const request of requestsOf(call)) requests.push(request);
    for (const request of requests) await reply(call, request);
    call.end();
  }),
};

function unary(call, answer) {
  echo(call);
  const { expect_compressed, response_size, response_status } = call.request;
  const refusal = asAnnounced(expect_compressed);
  if (refusal) return answer(refusal);
  if (response_status && response_status.code !== 0) {
    return answer({ code: response_status.code, details: response_status.message });
  }
  answer(null, { payload: zeros(response_size) }, trailers(call));
}

/** A handler of a call whose caller may give it up, which ends the reading of its messages. */
function unlessGone(handler) {
  return (call) => handler(call).catch((error) => {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

/** The messages of a call that is to be answered when they have ended. */
function requestsOf(call) {
  return call.iterator({ destroyOnReturn: false });
}

function echo(call) {
  const values = call.metadata.get(echoInitial);
  if (values.length === 0) return;
  const headers = new grpc.Metadata();
  headers.set(echoInitial, values[0]);
  call.sendMetadata(headers);
}

function trailers(call) {
  const metadata = new grpc.Metadata();
  for (const value of call.metadata.get(echoTrailing)) metadata.set(echoTrailing, value);
  return metadata;
}

function asAnnounced(announced) {
  const compressed = takeInflated() > 0;
  if (!announced || announced.value === compressed) return null;
  return { code: grpc.status.INVALID_ARGUMENT, details: `compressed is ${compressed}` };
}

function refused(call, { response_status }) {
  if (!response_status || response_status.code === 0) return false;
  call.emit("error", { code: response_status.code, details: response_status.message });
  return true;
}

async function reply(call, request) {
  for (const { size, interval_us } of request.response_parameters) {
    if (interval_us > 0) await sleep(interval_us / 1000);
    call.write({ payload: zeros(size) });
  }
}

function listen(address, credentials) {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  server.addService(testing.TestService.service, service);
  return new Promise((bound, failed) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) failed(error);
      else bound(`127.0.0.1:${port}`);
    });
  });
}

async function main() {
  const { listen: address = "127.0.0.1:0", certificates } = options(["--listen", "--certificates"]);
  const offered = {
    tcp: await listen(address, grpc.ServerCredentials.createInsecure()),
    "without server_compressed_unary": NO_COMPRESSION,
    "without server_compressed_streaming": NO_COMPRESSION,
  };
  if (certificates) {
    const read = (name) => fs.readFileSync(path.join(certificates, name));
    const pair = { cert_chain: read("cert.pem"), private_key: read("key.pem") };
    offered.tls = await listen("127.0.0.1:0", grpc.ServerCredentials.createSsl(null, [pair]));
  }
  console.log(JSON.stringify(offered));
  process.stdin.resume().on("end", () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
