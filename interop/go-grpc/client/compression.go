package main

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"interop-grpc/compression"
)

// The cases that grpc-go's test client does not have, after their descriptions.

func clientCompressedUnary(ctx context.Context, t *target) error {
	call := func(announced bool, options ...grpc.CallOption) error {
		out, err := t.client().UnaryCall(ctx, &testpb.SimpleRequest{
			ExpectCompressed: &testpb.BoolValue{Value: announced},
			ResponseSize:     largeResponse,
			Payload:          interop.ClientNewPayload(testpb.PayloadType_COMPRESSABLE, largeRequest),
		}, options...)
		if size := len(out.GetPayload().GetBody()); err == nil && size != largeResponse {
			return fmt.Errorf("got %d bytes, want %d", size, largeResponse)
		}
		return err
	}
	if err := call(true); status.Code(err) != codes.InvalidArgument {
		return fmt.Errorf("announced compressed and was not: got %v, want InvalidArgument", err)
	}
	if err := call(true, grpc.UseCompressor(gzip.Name)); err != nil {
		return fmt.Errorf("compressed: %w", err)
	}
	if err := call(false); err != nil {
		return fmt.Errorf("not compressed: %w", err)
	}
	return nil
}

func serverCompressedUnary(ctx context.Context, t *target) error {
	for _, compressed := range []bool{true, false} {
		ctx, seen := compression.Watch(ctx)
		out, err := t.client().UnaryCall(ctx, &testpb.SimpleRequest{
			ResponseCompressed: &testpb.BoolValue{Value: compressed},
			ResponseSize:       largeResponse,
			Payload:            interop.ClientNewPayload(testpb.PayloadType_COMPRESSABLE, largeRequest),
		})
		if err != nil {
			return err
		}
		if size := len(out.GetPayload().GetBody()); size != largeResponse {
			return fmt.Errorf("got %d bytes, want %d", size, largeResponse)
		}
		if seen.At(0) != compressed {
			return fmt.Errorf("compressed: got %v, want %v", seen.At(0), compressed)
		}
	}
	return nil
}

func clientCompressedStreaming(ctx context.Context, t *target) error {
	client := t.client()
	message := func(announced bool, size int) *testpb.StreamingInputCallRequest {
		return &testpb.StreamingInputCallRequest{
			ExpectCompressed: &testpb.BoolValue{Value: announced},
			Payload:          interop.ClientNewPayload(testpb.PayloadType_COMPRESSABLE, size),
		}
	}
	probe, err := client.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	if err := probe.Send(message(true, 27182)); err != nil && err != io.EOF {
		return err
	}
	// grpc-go compresses every message of a stream or none, but for those prepared on another one.
	bare := new(grpc.PreparedMsg)
	if err := bare.Encode(probe, message(false, 45904)); err != nil {
		return err
	}
	if _, err := probe.CloseAndRecv(); status.Code(err) != codes.InvalidArgument {
		return fmt.Errorf("announced compressed and was not: got %v, want InvalidArgument", err)
	}
	stream, err := client.StreamingInputCall(ctx, grpc.UseCompressor(gzip.Name))
	if err != nil {
		return err
	}
	if err := stream.Send(message(true, 27182)); err != nil {
		return err
	}
	if err := stream.SendMsg(bare); err != nil {
		return err
	}
	out, err := stream.CloseAndRecv()
	if err == nil && out.GetAggregatedPayloadSize() != 27182+45904 {
		return fmt.Errorf("got %d bytes in all, want 73086", out.GetAggregatedPayloadSize())
	}
	return err
}

func serverCompressedStreaming(ctx context.Context, t *target) error {
	wanted := []*testpb.ResponseParameters{
		{Compressed: &testpb.BoolValue{Value: true}, Size: 31415},
		{Compressed: &testpb.BoolValue{Value: false}, Size: 92653},
	}
	ctx, seen := compression.Watch(ctx)
	in := &testpb.StreamingOutputCallRequest{ResponseParameters: wanted}
	stream, err := t.client().StreamingOutputCall(ctx, in)
	if err != nil {
		return err
	}
	for i, want := range wanted {
		out, err := stream.Recv()
		if err != nil {
			return err
		}
		if size := len(out.GetPayload().GetBody()); size != int(want.GetSize()) {
			return fmt.Errorf("message %d: got %d bytes, want %d", i, size, want.GetSize())
		}
		if seen.At(i) != want.GetCompressed().GetValue() {
			return fmt.Errorf("message %d: compressed: got %v, want %v",
				i, seen.At(i), want.GetCompressed().GetValue())
		}
	}
	if _, err := stream.Recv(); err != io.EOF {
		return fmt.Errorf("got %v, want the end", err)
	}
	return nil
}
