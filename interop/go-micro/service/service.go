// Package service is what both sides offer: the part of gRPC's test service that go-micro can carry,
// and a service of things that go wrong. Every version of go-micro has it as it is.
package service

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// Fail makes an error of go-micro's own.
type Fail func(id, detail string, code int32) error

// TestService is gRPC's test service.
type TestService struct{ Fail Fail }

// EmptyCall gives nothing for nothing.
func (*TestService) EmptyCall(context.Context, *testpb.Empty, *testpb.Empty) error {
	return nil
}

// UnaryCall gives as many bytes as the caller asks for, or the status.
func (s *TestService) UnaryCall(_ context.Context, request *testpb.SimpleRequest, reply *testpb.SimpleResponse) error {
	if status := request.GetResponseStatus(); status.GetCode() != 0 {
		return s.Fail("interop", status.GetMessage(), codes[status.GetCode()])
	}
	reply.Payload = &testpb.Payload{Body: make([]byte, request.GetResponseSize())}
	return nil
}

// codes are go-micro's for those of gRPC.
var codes = map[int32]int32{3: 400, 4: 408, 5: 404, 6: 409, 7: 403, 9: 412, 12: 501, 13: 500, 14: 503, 16: 401}

// Trouble is what goes wrong.
type Trouble struct{}

// Explode panics.
func (*Trouble) Explode(context.Context, *testpb.Empty, *testpb.Empty) error {
	panic("it has exploded")
}

// Wait takes longer than any caller waits.
func (*Trouble) Wait(ctx context.Context, _, _ *testpb.Empty) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return nil
	}
}

// Main starts a server at the address, prints that as one line of JSON with the cases it cannot serve,
// and returns when the standard input ends.
func Main(start func(address string) error, without map[string]string) {
	log.SetFlags(0)
	// What go-micro has to say goes there as well, in its older versions.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.String("certificates", "", "not used: go-micro's servers are in plain text")
	flag.Parse()
	address := *listen
	if free, err := net.Listen("tcp", address); err == nil {
		address = free.Addr().String()
		free.Close()
	}
	if err := start(address); err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriter(stdout)
	offered := map[string]string{"tcp": address, "http": address}
	for name, why := range without {
		offered["without micro/"+name] = why
	}
	json.NewEncoder(out).Encode(offered)
	out.Flush()
	io.Copy(io.Discard, os.Stdin)
}
