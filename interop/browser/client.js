#!/usr/bin/env node
// Serves a page to a headless Chromium; the page calls a server of another origin by gRPC-Web and
// Connect. It starts that server itself, prints a line per case, `ok NAME` or `FAIL NAME: why`, and
// fails if a case did.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

// Far beyond what all cases take.
const ALL_MS = 120_000;

const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];

const PAGE = "<!doctype html><title>calls</title><script src=/page.js></script>";

/** Generates the messages and bundles the page. */
function build() {
  const bin = (name) => path.join(__dirname, "node_modules", ".bin", name);
  const run = (program, args) => execFileSync(program, args, { cwd: __dirname, stdio: "inherit" });
  const env = { ...process.env, PATH: `${path.dirname(bin("buf"))}:${process.env.PATH}` };
  execFileSync(bin("buf"), ["generate", "testing.proto"], { cwd: __dirname, stdio: "inherit", env });
  run(bin("esbuild"), ["page.js", "--bundle", "--outfile=dist/page.js", "--log-level=warning"]);
  return fs.readFileSync(path.join(__dirname, "dist", "page.js"));
}

function listen(script) {
  let done;
  const lines = new Promise((read) => (done = read));
  const server = http.createServer((request, response) => {
    if (request.method === "POST") {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        response.end();
        done(body.split("\n").filter((line) => line !== ""));
      });
      return;
    }
    const isPage = request.url.startsWith("/?");
    response.setHeader("content-type", isPage ? "text/html" : "text/javascript");
    response.end(isPage ? PAGE : script);
  });
  return new Promise((read) => {
    server.listen(0, "127.0.0.1", () => {
      read({ server, lines, origin: `http://127.0.0.1:${server.address().port}` });
    });
  });
}

async function start(program, certificates, origin) {
  const args = ["--listen", "127.0.0.1:0", "--certificates", certificates, "--origin", origin];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const line = await new Promise((read, failed) => {
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`${program} ended at once`)));
    readline.createInterface({ input: child.stdout }).once("line", read);
  });
  return { child, offered: JSON.parse(line) };
}

function browse(url, profile) {
  const browser = BROWSERS.find((name) => {
    return process.env.PATH.split(":").some((folder) => fs.existsSync(path.join(folder, name)));
  });
  if (!browser) throw new Error(`no browser: install one of ${BROWSERS.join(", ")}`);
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  return spawn(browser, [...flags, `--user-data-dir=${profile}`, url], { stdio: "ignore" });
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
  const { server: program, certificates, only } = options();
  if (!program || !certificates) {
    throw new Error("usage: client.js --server PROGRAM --certificates FOLDER [--only TEXT]");
  }
  const { server, lines, origin } = await listen(build());
  const { child, offered } = await start(program, certificates, origin);
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "polywire-browser-"));
  const asked = new URLSearchParams({ server: `http://${offered.http}`, only });
  const browser = browse(`${origin}/?${asked}`, profile);
  const late = new Promise((_, failed) => {
    setTimeout(() => failed(new Error(`no end after ${ALL_MS / 1000} s`)), ALL_MS).unref();
  });
  try {
    const results = await Promise.race([lines, late]);
    results.forEach((line) => console.log(line));
    process.exitCode = results.every((line) => line.startsWith("ok ")) ? 0 : 1;
  } finally {
    browser.kill("SIGKILL");
    child.stdin.end();
    server.closeAllConnections();
    server.close();
    await new Promise((ended) => browser.once("exit", ended));
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

main().catch((error) => {
  console.error(`client: ${error.message}`);
  process.exit(1);
});
