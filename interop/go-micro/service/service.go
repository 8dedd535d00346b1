// Package service is what both sides offer: the part of gRPC's test service that go-micro can carry,
// a service of things that go wrong, and one that tells what the server has seen. Every version of
// go-micro has it as it is, but for streams, whose type is a version's own.
package service

import (
	"context"
	"io"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// Fail makes an error of go-micro's own.
type Fail func(id, detail string, code int32) error

// TestService is gRPC's test service, without its streams.
type TestService struct {
	Name string
	Fail Fail
}

// EmptyCall gives nothing for nothing.
func (*TestService) EmptyCall(context.Context, *testpb.Empty, *testpb.Empty) error {
	return nil
}

// UnaryCall gives as many bytes as the caller asks for, or the status.
func (s *TestService) UnaryCall(_ context.Context, request *testpb.SimpleRequest, reply *testpb.SimpleResponse) error {
	if status := request.GetResponseStatus(); status.GetCode() != 0 {
		return s.Fail(s.Name, status.GetMessage(), codes[status.GetCode()])
	}
	reply.Payload = &testpb.Payload{Body: make([]byte, request.GetResponseSize())}
	return nil
}

// codes are go-micro's for those of gRPC.
var codes = map[int32]int32{3: 400, 4: 408, 5: 404, 6: 409, 7: 403, 8: 429, 9: 412, 12: 501, 13: 500, 14: 503, 16: 401}

// Stream is a stream of go-micro, whichever version it is of.
type Stream interface {
	Send(any) error
	Recv(any) error
}

// StreamingOutputCall takes one request, and sends what it asks for.
func StreamingOutputCall(stream Stream, name string, fail Fail) error {
	request := new(testpb.StreamingOutputCallRequest)
	if err := stream.Recv(request); err != nil {
		return err
	}
	return output(stream, request, name, fail)
}

// FullDuplexCall answers each request with what it asks for.
func FullDuplexCall(stream Stream, name string, fail Fail) error {
	for {
		request := new(testpb.StreamingOutputCallRequest)
		err := stream.Recv(request)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := output(stream, request, name, fail); err != nil {
			return err
		}
	}
}

func output(stream Stream, request *testpb.StreamingOutputCallRequest, name string, fail Fail) error {
	if status := request.GetResponseStatus(); status.GetCode() != 0 {
		return fail(name, status.GetMessage(), codes[status.GetCode()])
	}
	for _, wanted := range request.GetResponseParameters() {
		time.Sleep(time.Duration(wanted.GetIntervalUs()) * time.Microsecond)
		reply := &testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, wanted.GetSize())}}
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
	return nil
}

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
