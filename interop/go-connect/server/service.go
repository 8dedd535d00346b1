package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"interop-connect/compression"
)

const (
	echoInitial  = "x-grpc-test-echo-initial"
	echoTrailing = "x-grpc-test-echo-trailing-bin"
	calledBy     = "x-http-method"
)

// handler serves the methods that a test service has; connect-go itself answers none by itself for
// those it lacks.
func handler() http.Handler {
	mux := http.NewServeMux()
	gzip := connect.WithCompression(compression.Name, compression.NewDecompressor, compression.NewCompressor)
	options := connect.WithHandlerOptions(gzip, connect.WithCompressMinBytes(1024))
	add := func(method string, make func(string) http.Handler) {
		procedure := "/grpc.testing.TestService/" + method
		mux.Handle(procedure, make(procedure))
	}
	add("EmptyCall", func(p string) http.Handler { return connect.NewUnaryHandler(p, emptyCall, options) })
	add("UnaryCall", func(p string) http.Handler { return connect.NewUnaryHandler(p, unaryCall, options) })
	add("CacheableUnaryCall", func(p string) http.Handler {
		return connect.NewUnaryHandler(p, unaryCall, options, connect.WithIdempotency(connect.IdempotencyNoSideEffects))
	})
	add("StreamingOutputCall", func(p string) http.Handler {
		return connect.NewServerStreamHandler(p, streamingOutputCall, options)
	})
	add("StreamingInputCall", func(p string) http.Handler {
		return connect.NewClientStreamHandler(p, streamingInputCall, options)
	})
	add("FullDuplexCall", func(p string) http.Handler {
		return connect.NewBidiStreamHandler(p, fullDuplexCall, options)
	})
	add("HalfDuplexCall", func(p string) http.Handler {
		return connect.NewBidiStreamHandler(p, halfDuplexCall, options)
	})
	return mux
}

func emptyCall(context.Context, *connect.Request[testpb.Empty]) (*connect.Response[testpb.Empty], error) {
	return connect.NewResponse(&testpb.Empty{}), nil
}

func unaryCall(_ context.Context, request *connect.Request[testpb.SimpleRequest]) (*connect.Response[testpb.SimpleResponse], error) {
	if err := asAnnounced(request.Msg.GetExpectCompressed()); err != nil {
		return nil, err
	}
	if err := askedFor(request.Msg.GetResponseStatus()); err != nil {
		return nil, err
	}
	response := connect.NewResponse(&testpb.SimpleResponse{Payload: zeros(request.Msg.GetResponseSize())})
	echo(request.Header(), response.Header(), response.Trailer())
	response.Header().Set(calledBy, request.HTTPMethod())
	return response, nil
}

func streamingOutputCall(ctx context.Context, request *connect.Request[testpb.StreamingOutputCallRequest], stream *connect.ServerStream[testpb.StreamingOutputCallResponse]) error {
	return reply(ctx, request.Msg, stream.Send)
}

func streamingInputCall(_ context.Context, stream *connect.ClientStream[testpb.StreamingInputCallRequest]) (*connect.Response[testpb.StreamingInputCallResponse], error) {
	sum := 0
	for stream.Receive() {
		if err := asAnnounced(stream.Msg().GetExpectCompressed()); err != nil {
			return nil, err
		}
		sum += len(stream.Msg().GetPayload().GetBody())
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return connect.NewResponse(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)}), nil
}

type duplex = connect.BidiStream[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]

func fullDuplexCall(ctx context.Context, stream *duplex) error {
	echo(stream.RequestHeader(), stream.ResponseHeader(), stream.ResponseTrailer())
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = askedFor(request.GetResponseStatus())
		}
		if err == nil {
			err = reply(ctx, request, stream.Send)
		}
		if err != nil {
			return err
		}
	}
}

func halfDuplexCall(ctx context.Context, stream *duplex) error {
	var requests []*testpb.StreamingOutputCallRequest
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, request)
	}
	for _, request := range requests {
		if err := reply(ctx, request, stream.Send); err != nil {
			return err
		}
	}
	return nil
}

func reply(ctx context.Context, request *testpb.StreamingOutputCallRequest, send func(*testpb.StreamingOutputCallResponse) error) error {
	for _, wanted := range request.GetResponseParameters() {
		select {
		case <-time.After(time.Duration(wanted.GetIntervalUs()) * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := send(&testpb.StreamingOutputCallResponse{Payload: zeros(wanted.GetSize())}); err != nil {
			return err
		}
	}
	return nil
}

func echo(request, initial, trailing http.Header) {
	if value := request.Get(echoInitial); value != "" {
		initial.Set(echoInitial, value)
	}
	if value := request.Get(echoTrailing); value != "" {
		trailing.Set(echoTrailing, value)
	}
}

func asAnnounced(announced *testpb.BoolValue) error {
	compressed := compression.Take() > 0
	if announced == nil || announced.GetValue() == compressed {
		return nil
	}
	return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("compressed is %v", compressed))
}

func askedFor(status *testpb.EchoStatus) error {
	if status.GetCode() == 0 {
		return nil
	}
	return connect.NewError(connect.Code(status.GetCode()), errors.New(status.GetMessage()))
}

func zeros(size int32) *testpb.Payload { return &testpb.Payload{Body: make([]byte, size)} }
