//! The built program against servers that show certificates and ask for them.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::process::Command;

use polywire::{App, ClientAuth, Context, Pem, Running, Status, TlsServer};
use polywire_testkit::authority::Authority;
use polywire_testkit::directory::Directory;
use tokio::runtime::Runtime;

struct Callers;

/// Knows its callers.
#[polywire::service]
impl Callers {
    /// Says as whom the caller has shown itself.
    #[rpc(idempotent)]
    #[expect(clippy::unused_async, reason = "a method is async whether it waits or not")]
    async fn who(&self, cx: &Context) -> Result<String, Status> {
        let known = cx.peer_identity().map(|known| known.dns_names().join(","));
        Ok(known.unwrap_or_else(|| "nobody".to_owned()))
    }
}

/// A server for `greeter.example`, the files beside it, and what runs it.
struct Secure {
    files: Directory,
    address: String,
    _running: Running,
    _runtime: Runtime,
}

impl Secure {
    fn start(name: &str, asking: fn(Pem) -> ClientAuth) -> Self {
        let authority = Authority::new("ours");
        let files = Directory::new(&format!("cli-{name}"));
        let (shown, caller) = (authority.sign(&["greeter.example"]), authority.sign(&["caller"]));
        files.write("ca.pem", authority.pem());
        files.write("other-ca.pem", Authority::new("others").pem());
        files.write("caller.pem", &caller.pem);
        files.write("caller-key.pem", &caller.key);
        let tls = TlsServer::from_pem(shown.pem.as_bytes(), shown.key.as_bytes()).unwrap();
        let tls = tls.client_auth(asking(Pem::text(authority.pem()))).unwrap();
        let runtime = Runtime::new().unwrap();
        let app = App::new("callers").serve(CallersServer::new(Callers)).private().tls(tls);
        let running = runtime.block_on(app.listen("127.0.0.1:0").start()).unwrap();
        let address = running.address().to_string();
        Self { files, address, _running: running, _runtime: runtime }
    }

    /// The exit code, and what was printed where it counts.
    fn run(&self, args: &str) -> (Option<i32>, String) {
        let (files, address) = (self.files.path(""), &self.address);
        let args = args.replace("DIR", files.to_str().unwrap()).replace("ADDRESS", address);
        let mut command = Command::new(env!("CARGO_BIN_EXE_polywire"));
        let output = command.args(args.split_whitespace()).output().unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    #[track_caller]
    fn prints(&self, args: &str, text: &str) {
        let (code, printed) = self.run(args);
        assert_eq!(code, Some(0), "{args}: {printed}");
        assert!(printed.contains(text), "{args}: {printed}");
    }

    #[track_caller]
    fn fails(&self, args: &str, code: i32, text: &str) {
        let (found, said) = self.run(args);
        assert_eq!(found, Some(code), "{args}: {said}");
        assert!(said.contains(text), "{args}: {said}");
    }
}

const TRUSTING: &str = "--cacert DIR/ca.pem --servername greeter.example";

const SHOWING: &str = "--cert DIR/caller.pem --key DIR/caller-key.pem";

#[test]
fn a_certificate_is_shown_to_a_server_that_asks_for_one() {
    let server = Secure::start("shown", ClientAuth::required);
    for scheme in ["netrpc", "jsonrpc2", "grpc", "connect", "grpc-web"] {
        let url = format!("{scheme}+tls://ADDRESS");
        let call = format!("call {url} Callers.Who {TRUSTING}");
        server.prints(&format!("{call} {SHOWING}"), "\"caller\"");
        server.fails(&call, 112, "does not accept a client without a certificate");
    }
    let known = format!("{TRUSTING} {SHOWING}");
    server.prints(&format!("describe grpc+tls://ADDRESS Callers {known}"), "rpc Who(");
    server.prints(&format!("describe netrpc+tls://ADDRESS Callers {known}"), "Who");
    server.prints(&format!("export --proto netrpc+tls://ADDRESS {known}"), "service Callers");
    let bench = "bench grpc+tls://ADDRESS Callers.Who -n 4 -c 2 --connections 2";
    server.prints(&format!("{bench} {known}"), "");
}

#[test]
fn whom_to_trust_and_under_which_name_is_said_on_the_command_line() {
    let server = Secure::start("trusted", ClientAuth::optional);
    let call = "call grpc+tls://ADDRESS Callers.Who";
    server.prints(&format!("{call} {TRUSTING}"), "\"nobody\"");
    server.prints(&format!("{call} -k"), "\"nobody\"");
    server.prints(&format!("{call} --insecure {SHOWING}"), "\"caller\"");
    server.fails(&format!("{call} --cacert DIR/ca.pem"), 112, "is for another host");
    let others = "--cacert DIR/other-ca.pem --servername greeter.example";
    server.fails(&format!("{call} {others}"), 112, "is signed by no authority in");
    server.fails(&format!("{call} --cacert DIR/none.pem"), 2, "none.pem");
    server.fails(&format!("{call} -k --cert DIR/caller.pem --key DIR/ca.pem"), 2, "ca.pem");
}

#[test]
fn certificates_that_would_not_be_looked_at_are_refused() {
    let server = Secure::start("refused", ClientAuth::optional);
    let plain = "call grpc://ADDRESS Callers.Who";
    server.prints(plain, "\"nobody\"");
    server.fails(&format!("{plain} -k"), 1, "which would be `grpc+tls://127.0.0.1:");
    server.fails(&format!("{plain} --cert DIR/caller.pem"), 1, "--key");
    server.fails(&format!("{plain} -k --cacert DIR/ca.pem"), 1, "cannot be used with");
}
