// What client and server share.
"use strict";

const path = require("node:path");
const zlib = require("node:zlib");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const options = { keepCase: true, defaults: true };
const definition = loader.loadSync(path.join(__dirname, "testing.proto"), options);

exports.testing = grpc.loadPackageDefinition(definition).grpc.testing;
exports.echoInitial = "x-grpc-test-echo-initial";
exports.echoTrailing = "x-grpc-test-echo-trailing-bin";
exports.zeros = (size) => ({ type: "COMPRESSABLE", body: Buffer.alloc(size) });

// grpc-js does not say which messages came compressed, but has each of them undone by a stream of
// its own. The cases that ask run one after another.
let inflated = 0;
const createGunzip = zlib.createGunzip;
const counted = (...options) => {
  inflated += 1;
  return createGunzip(...options);
};
Object.defineProperty(zlib, "createGunzip", { value: counted });

/** How many messages came compressed since this was asked last. */
exports.takeInflated = () => {
  const count = inflated;
  inflated = 0;
  return count;
};

/** The values of `--name value`, and the words left over. */
exports.options = (names) => {
  const values = { words: [] };
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (names.includes(word)) values[word.slice(2)] = words.shift();
    else values.words.push(word);
  }
  return values;
};
