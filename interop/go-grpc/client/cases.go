package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// A testCase has the name that gRPC's descriptions of its interop cases give it.
type testCase struct {
	name string
	run  func(context.Context, *target) error
}

var cases = []testCase{
	{"empty_unary", official(interop.DoEmptyUnaryCall)},
	{"large_unary", official(interop.DoLargeUnaryCall)},
	{"client_compressed_unary", clientCompressedUnary},
	{"server_compressed_unary", serverCompressedUnary},
	{"client_streaming", official(interop.DoClientStreaming)},
	{"client_compressed_streaming", clientCompressedStreaming},
	{"server_streaming", official(interop.DoServerStreaming)},
	{"server_compressed_streaming", serverCompressedStreaming},
	{"ping_pong", official(interop.DoPingPong)},
	{"empty_stream", official(interop.DoEmptyStream)},
	{"custom_metadata", official(interop.DoCustomMetadata)},
	{"status_code_and_message", official(interop.DoStatusCodeAndMessage)},
	{"special_status_message", official(interop.DoSpecialStatusMessage)},
	{"unimplemented_method", unimplementedMethod},
	{"unimplemented_service", unimplementedService},
	{"cancel_after_begin", official(interop.DoCancelAfterBegin)},
	{"cancel_after_first_response", official(interop.DoCancelAfterFirstResponse)},
	{"timeout_on_sleeping_server", official(interop.DoTimeoutOnSleepingServer)},
	{"concurrent_large_unary", concurrentLargeUnary},
	{"rpc_soak", soak(false)},
	{"channel_soak", soak(true)},
}

// absent are the cases that cannot be run by a program and its peer alone.
var absent = []struct{ name, why string }{
	{"cacheable_unary", "needs a caching proxy between the two"},
	{"compute_engine_creds", cloud},
	{"jwt_token_creds", cloud},
	{"oauth2_auth_token", cloud},
	{"per_rpc_creds", cloud},
	{"google_default_credentials", cloud},
	{"compute_engine_channel_credentials", cloud},
}

const cloud = "needs an account in Google's cloud"

// official is a case of grpc-go's own test client.
func official(run func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)) func(context.Context, *target) error {
	return func(ctx context.Context, t *target) error {
		run(ctx, t.client())
		return nil
	}
}

func unimplementedMethod(ctx context.Context, t *target) error {
	interop.DoUnimplementedMethod(ctx, t.conn)
	return nil
}

func unimplementedService(ctx context.Context, t *target) error {
	interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(t.conn))
	return nil
}

// concurrentLargeUnary makes a thousand calls at the same time, which the descriptions name and do
// not yet spell out.
func concurrentLargeUnary(ctx context.Context, t *target) error {
	const calls = 1000
	client := t.client()
	payload := interop.ClientNewPayload(testpb.PayloadType_COMPRESSABLE, largeRequest)
	errs := make(chan error, calls)
	for range calls {
		go func() {
			in := &testpb.SimpleRequest{ResponseSize: largeResponse, Payload: payload}
			out, err := client.UnaryCall(ctx, in)
			if size := len(out.GetPayload().GetBody()); err == nil && size != largeResponse {
				err = fmt.Errorf("got %d bytes, want %d", size, largeResponse)
			}
			errs <- err
		}()
	}
	var first error
	for range calls {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// soak makes large calls one after another in each of a few goroutines, on one connection or each
// on a new one.
func soak(newConnection bool) func(context.Context, *target) error {
	return func(ctx context.Context, t *target) error {
		// It tells of each call.
		stderr := os.Stderr
		silent, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		os.Stderr = silent
		defer func() {
			os.Stderr = stderr
			silent.Close()
		}()
		interop.DoSoakTest(ctx, interop.SoakTestConfig{
			RequestSize:  largeRequest,
			ResponseSize: largeResponse,
			// How fast a call has to be is not the question here.
			PerIterationMaxAcceptableLatency: caseDeadline,
			OverallTimeout:                   caseDeadline,
			ServerAddr:                       t.address,
			NumWorkers:                       4,
			Iterations:                       100,
			ChannelForTest: func() (*grpc.ClientConn, func()) {
				if !newConnection {
					return t.conn, func() {}
				}
				conn, err := grpc.NewClient(t.address, t.options...)
				if err != nil {
					panic(err)
				}
				return conn, func() { conn.Close() }
			},
		})
		return nil
	}
}

// Bytes of a large unary call.
const (
	largeRequest  = 271828
	largeResponse = 314159
)
