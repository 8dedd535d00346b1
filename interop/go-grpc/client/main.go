// Command client runs gRPC's interop cases against a server, by grpc-go's own test client where it
// has the case. It starts the server itself, prints a line per case, `ok NAME`, `FAIL NAME: why`
// or `skip NAME: why`, and fails if a case did.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"interop-grpc/compression"
)

var (
	program      = flag.String("server", "", "the program to start as the server")
	certificates = flag.String("certificates", "", "folder with ca.pem, cert.pem and key.pem")
	only         = flag.String("only", "", "run the cases whose name holds this")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *program == "" {
		log.Fatal("usage: client --server PROGRAM [--certificates FOLDER] [--only TEXT] [grpc]")
	}
	for _, suite := range flag.Args() {
		if suite != "grpc" {
			log.Fatalf("unknown suite %s", suite)
		}
	}
	srv, err := start()
	if err != nil {
		log.Fatalf("cannot start %s: %v", *program, err)
	}
	failed := runAll(srv)
	srv.stop()
	if failed > 0 {
		os.Exit(1)
	}
}

// target is a server as a case sees it.
type target struct {
	address string
	conn    *grpc.ClientConn
	options []grpc.DialOption
}

func (t *target) client() testpb.TestServiceClient { return testpb.NewTestServiceClient(t.conn) }

// runAll runs every case over every transport, each on a connection of its own.
func runAll(srv *server) (failed int) {
	for _, transport := range []string{"tcp", "tls"} {
		address, offered := srv.addresses[transport]
		if !offered {
			continue
		}
		for _, c := range cases {
			name := "grpc/" + transport + "/" + c.name
			if !strings.Contains(name, *only) {
				continue
			}
			if err := attempt(transport, address, c.run); err != nil {
				failed++
				fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", `\n`))
			} else {
				fmt.Printf("ok %s\n", name)
			}
		}
	}
	for _, absent := range absent {
		if name := "grpc/" + absent.name; strings.Contains(name, *only) {
			fmt.Printf("skip %s: %s\n", name, absent.why)
		}
	}
	return failed
}

func attempt(transport, address string, run func(context.Context, *target) error) error {
	creds := insecure.NewCredentials()
	if transport == "tls" {
		var err error
		creds, err = credentials.NewClientTLSFromFile(filepath.Join(*certificates, "ca.pem"), "")
		if err != nil {
			return err
		}
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithStatsHandler(compression.Handler{}),
	}
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), caseDeadline)
	defer cancel()
	return guarded(func() error { return run(ctx, &target{address, conn, options}) })
}

// caseDeadline is far beyond what any case takes.
const caseDeadline = 60 * time.Second
