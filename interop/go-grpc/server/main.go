// Command server is gRPC's own test server in Go, in plain text and over TLS. It prints its
// addresses as one line of JSON and ends when its standard input does.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"

	"interop-grpc/compression"
)

var (
	listen       = flag.String("listen", "127.0.0.1:0", "address for plain text; the other is chosen by the system")
	certificates = flag.String("certificates", "", "folder with cert.pem and key.pem; without one there is no TLS")
)

func main() {
	flag.Parse()
	addresses := map[string]string{}
	serve := func(name, address string, options ...grpc.ServerOption) {
		listener, err := net.Listen("tcp", address)
		check(err)
		addresses[name] = listener.Addr().String()
		options = append(options, grpc.StatsHandler(compression.Handler{}))
		server := grpc.NewServer(options...)
		testpb.RegisterTestServiceServer(server, testServer{interop.NewTestServer()})
		reflection.Register(server)
		go func() { check(server.Serve(listener)) }()
	}
	serve("tcp", *listen)
	if *certificates != "" {
		pair, err := credentials.NewServerTLSFromFile(
			filepath.Join(*certificates, "cert.pem"), filepath.Join(*certificates, "key.pem"))
		check(err)
		serve("tls", "127.0.0.1:0", grpc.Creds(pair))
	}
	check(json.NewEncoder(os.Stdout).Encode(addresses))
	io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
