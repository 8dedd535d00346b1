// Command client calls a server of an interop run with Go's own net/rpc, and by hand where the
// point is what a client sees on the wire. It starts the server itself, prints a line per case, `ok
// NAME` or `FAIL NAME: why`, and fails if one did.
//
// With -peer go the server is Go's own: cases that stand for what Go does are then checked
// against it, and those that polywire answers better are left out.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

var (
	program      = flag.String("server", "", "the program to start as the server")
	peer         = flag.String("peer", polywire, "whose server it is: polywire or go")
	certificates = flag.String("certificates", "", "folder with ca.pem, cert.pem and key.pem")
	only         = flag.String("only", "", "run the cases whose name holds this")
)

// Peers.
const (
	polywire = "polywire"
	goPeer   = "go"
)

// A testCase is one thing that a client can see of a server.
type testCase struct {
	name string
	// peer is whose behaviour it is, empty for both.
	peer string
	run  func(*server) error
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *program == "" {
		log.Fatal("usage: client -server PROGRAM [-peer polywire|go] [-certificates FOLDER] [SUITE...]")
	}
	suites := flag.Args()
	if len(suites) == 0 {
		suites = []string{"netrpc", "jsonrpc"}
	}
	failed := 0
	for _, suite := range suites {
		cases, known := map[string][]testCase{"netrpc": netrpcCases(), "jsonrpc": jsonrpcCases()}[suite]
		if !known {
			log.Fatalf("unknown suite %s", suite)
		}
		failed += runAll(suite, cases)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// runAll runs the cases of a suite against one server and returns how many failed.
func runAll(suite string, cases []testCase) (failed int) {
	srv, err := start("127.0.0.1:0")
	if err != nil {
		log.Fatalf("cannot start %s: %v", *program, err)
	}
	defer srv.stop()
	for _, c := range cases {
		name := suite + "/" + c.name
		if c.peer != "" && c.peer != *peer || !strings.Contains(name, *only) {
			continue
		}
		if err := withDeadline(srv, c.run); err != nil {
			failed++
			fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", `\n`))
		} else {
			fmt.Printf("ok %s\n", name)
		}
	}
	return failed
}

// withDeadline gives a case up that does not end: the most common way to fail here.
func withDeadline(srv *server, run func(*server) error) error {
	done := make(chan error, 1)
	go func() { done <- run(srv) }()
	select {
	case err := <-done:
		return err
	case <-time.After(caseDeadline):
		return fmt.Errorf("no end after %v", caseDeadline)
	}
}

// caseDeadline is far beyond what any case takes.
const caseDeadline = 30 * time.Second

// firstError runs the steps up to the first that fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, shorten(got), shorten(want))
	}
	return nil
}

func shorten(v any) string {
	text := fmt.Sprintf("%#v", v)
	if len(text) > 300 {
		text = text[:300] + "..."
	}
	return text
}

func expectError(err error, want string) error {
	if err == nil {
		return fmt.Errorf("got no error, want %q", want)
	}
	return expect("error", err.Error(), want)
}

func expectErrorWith(err error, part string) error {
	if err == nil {
		return fmt.Errorf("got no error, want one with %q", part)
	}
	if !strings.Contains(err.Error(), part) {
		return fmt.Errorf("got error %q, want one with %q", err, part)
	}
	return nil
}

func expectIs(err error, wanted ...error) error {
	for _, want := range wanted {
		if errors.Is(err, want) {
			return nil
		}
	}
	return fmt.Errorf("got error %v, want one of %v", err, wanted)
}
