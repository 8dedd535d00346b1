package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"interop-connect/compression"
)

// A testCase has the name that gRPC's descriptions of its interop cases give it, where they have it.
type testCase struct {
	name string
	run  func(context.Context, *target) error
}

var cases = []testCase{
	{"empty_unary", emptyUnary},
	{"large_unary", largeUnary},
	{"get_unary", getUnary},
	{"client_compressed_unary", clientCompressedUnary},
	{"server_compressed_unary", serverCompressedUnary},
	{"client_streaming", clientStreaming},
	{"client_compressed_streaming", clientCompressedStreaming},
	{"server_streaming", serverStreaming},
	{"server_compressed_streaming", serverCompressedStreaming},
	{"compressed_both_ways", compressedBothWays},
	{"ping_pong", pingPong},
	{"empty_stream", emptyStream},
	{"custom_metadata", customMetadata},
	{"custom_metadata_of_a_stream", customMetadataOfAStream},
	{"status_code_and_message", statusCodeAndMessage},
	{"every_status_code", everyStatusCode},
	{"special_status_message", specialStatusMessage},
	{"unimplemented_method", unimplemented("TestService/UnimplementedCall")},
	{"unimplemented_service", unimplemented("UnimplementedService/UnimplementedCall")},
	{"cancel_after_begin", cancelAfterBegin},
	{"cancel_after_first_response", cancelAfterFirstResponse},
	{"timeout_on_sleeping_server", timeoutOnSleepingServer},
	{"concurrent_large_unary", concurrentLargeUnary},
	{"rpc_soak", rpcSoak},
}

// http2Only are the cases with streams both ways at once.
var http2Only = []string{"ping_pong", "empty_stream", "custom_metadata_of_a_stream"}

// long are the cases that are run only where they differ from one another.
var long = []string{"concurrent_large_unary", "rpc_soak"}

func emptyUnary(ctx context.Context, t *target) error {
	_, err := of[testpb.Empty, testpb.Empty](t, "TestService/EmptyCall").
		CallUnary(ctx, connect.NewRequest(&testpb.Empty{}))
	return err
}

func largeUnary(ctx context.Context, t *target) error {
	return large(ctx, t, &testpb.SimpleRequest{})
}

func getUnary(ctx context.Context, t *target) error {
	client := of[testpb.SimpleRequest, testpb.SimpleResponse](t, "TestService/CacheableUnaryCall",
		connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects))
	request := connect.NewRequest(&testpb.SimpleRequest{ResponseSize: 9, Payload: zeros(8)})
	response, err := client.CallUnary(ctx, request)
	if err != nil {
		return err
	}
	if method := request.HTTPMethod(); method != http.MethodGet {
		return fmt.Errorf("called by %s", method)
	}
	if err := expect("bytes", len(response.Msg.GetPayload().GetBody()), 9); err != nil {
		return err
	}
	status := &testpb.EchoStatus{Code: int32(connect.CodeNotFound), Message: "not here"}
	_, err = client.CallUnary(ctx, connect.NewRequest(&testpb.SimpleRequest{ResponseStatus: status}))
	return failed(err, connect.CodeNotFound, "not here")
}

func clientCompressedUnary(ctx context.Context, t *target) error {
	announced := func(value bool) *testpb.SimpleRequest {
		return &testpb.SimpleRequest{ExpectCompressed: &testpb.BoolValue{Value: value}}
	}
	if err := failed(large(ctx, t, announced(true)), connect.CodeInvalidArgument, ""); err != nil {
		return fmt.Errorf("the probe: %w", err)
	}
	if err := large(ctx, t, announced(true), compressing()); err != nil {
		return fmt.Errorf("compressed: %w", err)
	}
	return large(ctx, t, announced(false))
}

func serverCompressedUnary(ctx context.Context, t *target) error {
	for _, compressed := range []bool{true, false} {
		compression.Take()
		wanted := &testpb.SimpleRequest{ResponseCompressed: &testpb.BoolValue{Value: compressed}}
		if err := large(ctx, t, wanted); err != nil {
			return err
		}
		if err := expect("compressed", compression.Take() > 0, compressed); err != nil {
			return err
		}
	}
	return nil
}

func compressedBothWays(ctx context.Context, t *target) error {
	yes := &testpb.BoolValue{Value: true}
	compression.Take()
	request := &testpb.SimpleRequest{ExpectCompressed: yes, ResponseCompressed: yes}
	if err := large(ctx, t, request, compressing()); err != nil {
		return err
	}
	if err := expect("compressed reply", compression.Take() > 0, true); err != nil {
		return err
	}
	parameters := ofSizes(responses...)
	for _, wanted := range parameters {
		wanted.Compressed = yes
	}
	if err := expectReplies(ctx, t, parameters, responses); err != nil {
		return err
	}
	return expect("compressed replies", compression.Take() > 0, true)
}

func customMetadata(ctx context.Context, t *target) error {
	request := connect.NewRequest(&testpb.SimpleRequest{ResponseSize: 1, Payload: zeros(1)})
	request.Header().Set(echoInitial, initialValue)
	request.Header().Set(echoTrailing, trailingValue)
	response, err := unary(t).CallUnary(ctx, request)
	if err != nil {
		return err
	}
	return echoed(response.Header(), response.Trailer())
}

func statusCodeAndMessage(ctx context.Context, t *target) error {
	return refused(ctx, t, connect.CodeUnknown, "test status message")
}

func everyStatusCode(ctx context.Context, t *target) error {
	for code := connect.CodeCanceled; code <= connect.CodeUnauthenticated; code++ {
		if err := refused(ctx, t, code, code.String()); err != nil {
			return err
		}
	}
	return nil
}

func specialStatusMessage(ctx context.Context, t *target) error {
	return refused(ctx, t, connect.CodeUnknown,
		"\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n")
}

func unimplemented(method string) func(context.Context, *target) error {
	return func(ctx context.Context, t *target) error {
		_, err := of[testpb.Empty, testpb.Empty](t, method).
			CallUnary(ctx, connect.NewRequest(&testpb.Empty{}))
		return failed(err, connect.CodeUnimplemented, "")
	}
}

// concurrentLargeUnary makes a thousand calls at the same time.
func concurrentLargeUnary(ctx context.Context, t *target) error {
	return atOnce(1000, func() error { return largeUnary(ctx, t) })
}

// rpcSoak makes large calls one after another in each of a few goroutines.
func rpcSoak(ctx context.Context, t *target) error {
	return atOnce(4, func() error {
		for range 25 {
			if err := largeUnary(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

func atOnce(times int, run func() error) error {
	errs := make(chan error, times)
	for range times {
		go func() { errs <- run() }()
	}
	var first error
	for range times {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func unary(t *target, options ...connect.ClientOption) *connect.Client[testpb.SimpleRequest, testpb.SimpleResponse] {
	return of[testpb.SimpleRequest, testpb.SimpleResponse](t, "TestService/UnaryCall", options...)
}

// large makes a large call, with what else the request says.
func large(ctx context.Context, t *target, request *testpb.SimpleRequest, options ...connect.ClientOption) error {
	request.ResponseSize, request.Payload = largeResponse, zeros(largeRequest)
	response, err := unary(t, options...).CallUnary(ctx, connect.NewRequest(request))
	if err != nil {
		return err
	}
	return expect("bytes", len(response.Msg.GetPayload().GetBody()), largeResponse)
}

// refused makes a call that is to be answered with a status.
func refused(ctx context.Context, t *target, code connect.Code, message string) error {
	status := &testpb.EchoStatus{Code: int32(code), Message: message}
	_, err := unary(t).CallUnary(ctx, connect.NewRequest(&testpb.SimpleRequest{ResponseStatus: status}))
	return failed(err, code, message)
}

// failed says what is wrong with an error; an empty message stands for any.
func failed(err error, code connect.Code, message string) error {
	var found *connect.Error
	if !errors.As(err, &found) {
		return fmt.Errorf("got %v, want %v", err, code)
	}
	if found.Code() != code || message != "" && found.Message() != message {
		return fmt.Errorf("got %v: %q, want %v: %q", found.Code(), found.Message(), code, message)
	}
	return nil
}

// echoed looks at the metadata that was to come back.
func echoed(headers, trailers http.Header) error {
	if err := expect("header", headers.Get(echoInitial), initialValue); err != nil {
		return err
	}
	// Padding may come or not.
	return expect("trailer", strings.TrimRight(trailers.Get(echoTrailing), "="), trailingValue)
}

func expect[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

func zeros(size int) *testpb.Payload { return &testpb.Payload{Body: make([]byte, size)} }

// Bytes of a large unary call.
const (
	largeRequest  = 271828
	largeResponse = 314159
)

const (
	echoInitial   = "x-grpc-test-echo-initial"
	echoTrailing  = "x-grpc-test-echo-trailing-bin"
	initialValue  = "test_initial_metadata_value"
	trailingValue = "q6ur"
)

// interval is far longer than a case lasts.
const interval = 10 * time.Second
