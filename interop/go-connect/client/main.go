// Command client runs gRPC's interop cases with connect-go against a server: by Connect, gRPC-Web
// and gRPC, in binary and in JSON, over HTTP/1.1 and HTTP/2, in plain text and over TLS. It starts
// the server itself, prints a line per case, `ok NAME`, `FAIL NAME: why` or `skip NAME: why`, and
// fails if a case did.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

var (
	program      = flag.String("server", "", "the program to start as the server")
	certificates = flag.String("certificates", "", "folder with ca.pem, cert.pem and key.pem")
	only         = flag.String("only", "", "run the cases whose name holds this")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *program == "" || *certificates == "" {
		log.Fatal("usage: client --server PROGRAM --certificates FOLDER [--only TEXT] [connect]")
	}
	for _, suite := range flag.Args() {
		if suite != "connect" {
			log.Fatalf("unknown suite %s", suite)
		}
	}
	srv, err := start()
	if err != nil {
		log.Fatalf("cannot start %s: %v", *program, err)
	}
	failed, err := runAll(srv)
	srv.stop()
	if err != nil {
		log.Fatal(err)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func runAll(srv *server) (failed int, err error) {
	for _, transport := range transports {
		for _, protocol := range protocols {
			t, err := newTarget(srv.addresses, transport, protocol)
			if err != nil {
				return failed, err
			}
			for _, c := range cases {
				name := "connect/" + protocol.name + "/" + transport.name + "/" + c.name
				if !strings.Contains(name, *only) || !applies(c.name, transport, protocol) {
					continue
				}
				if why := absence(srv.addresses, transport.name, c.name); why != "" {
					fmt.Printf("skip %s: %s\n", name, why)
				} else if err := attempt(c, t); err != nil {
					failed++
					fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", `\n`))
				} else {
					fmt.Printf("ok %s\n", name)
				}
			}
			t.http.CloseIdleConnections()
		}
	}
	return failed, nil
}

// applies says whether a case can be had by this protocol over this transport at all, and is worth
// its time.
func applies(name string, transport transport, protocol protocol) bool {
	if !transport.http2 && (protocol.needsHTTP2 || slices.Contains(http2Only, name)) {
		return false
	}
	if slices.Contains(long, name) {
		return transport.name == "http2" && !protocol.json
	}
	return name != "get_unary" || protocol.gets
}

// absence says why the server cannot do its part; it is empty if the server can.
func absence(offered map[string]string, names ...string) string {
	for _, name := range names {
		if why := offered["without "+name]; why != "" {
			return why
		}
	}
	return ""
}

func attempt(c testCase, t *target) error {
	ctx, cancel := context.WithTimeout(context.Background(), caseDeadline)
	defer cancel()
	return c.run(ctx, t)
}

// caseDeadline is far beyond what any case takes.
const caseDeadline = 30 * time.Second
