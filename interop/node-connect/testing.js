// What client and server share.
import { compressionGzip } from "@connectrpc/connect-node";

export const INITIAL = "x-grpc-test-echo-initial";
export const TRAILING = "x-grpc-test-echo-trailing-bin";

export const zeros = (size) => ({ body: new Uint8Array(size) });

// The library does not say which messages came compressed, but takes a gzip that counts. The cases
// that ask run one after another.
let inflated = 0;
export const gzip = {
  ...compressionGzip,
  decompress(bytes, limit) {
    inflated += 1;
    return compressionGzip.decompress(bytes, limit);
  },
};

/** How many messages came compressed since this was asked last. */
export function takeInflated() {
  const count = inflated;
  inflated = 0;
  return count;
}

/** The values of `--name value`, and the words left over. */
export function options(names) {
  const values = { words: [] };
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (names.includes(word)) values[word.slice(2)] = words.shift();
    else values.words.push(word);
  }
  return values;
}
