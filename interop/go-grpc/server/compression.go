package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"interop-grpc/compression"
)

// testServer adds to grpc-go's test server what the descriptions of the cases ask for and it does
// not have: to compress what it is told to, and to refuse what is not compressed as announced.
type testServer struct {
	testpb.TestServiceServer
}

func (s testServer) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if err := asAnnounced(ctx, 0, in.GetExpectCompressed()); err != nil {
		return nil, err
	}
	if in.GetResponseCompressed().GetValue() {
		if err := grpc.SetSendCompressor(ctx, gzip.Name); err != nil {
			return nil, err
		}
	}
	return s.TestServiceServer.UnaryCall(ctx, in)
}

func (s testServer) StreamingInputCall(stream testpb.TestService_StreamingInputCallServer) error {
	return s.TestServiceServer.StreamingInputCall(&announcedInput{stream, 0})
}

// announcedInput checks messages as they come.
type announcedInput struct {
	testpb.TestService_StreamingInputCallServer
	next int
}

func (s *announcedInput) Recv() (*testpb.StreamingInputCallRequest, error) {
	in, err := s.TestService_StreamingInputCallServer.Recv()
	if err != nil {
		return nil, err
	}
	s.next++
	return in, asAnnounced(s.Context(), s.next-1, in.GetExpectCompressed())
}

func (s testServer) StreamingOutputCall(in *testpb.StreamingOutputCallRequest, stream testpb.TestService_StreamingOutputCallServer) error {
	var compress []bool
	some := false
	for _, parameters := range in.GetResponseParameters() {
		compress = append(compress, parameters.GetCompressed().GetValue())
		some = some || parameters.GetCompressed().GetValue()
	}
	if !some {
		return s.TestServiceServer.StreamingOutputCall(in, stream)
	}
	if err := grpc.SetSendCompressor(stream.Context(), gzip.Name); err != nil {
		return err
	}
	return s.TestServiceServer.StreamingOutputCall(in, &mixedOutput{stream, compress})
}

// mixedOutput compresses some messages only.
type mixedOutput struct {
	testpb.TestService_StreamingOutputCallServer
	compress []bool
}

func (s *mixedOutput) Send(out *testpb.StreamingOutputCallResponse) error {
	compress := s.compress[0]
	s.compress = s.compress[1:]
	if compress {
		return s.TestService_StreamingOutputCallServer.Send(out)
	}
	// A message is prepared as the call began: without a compressor, since its request had none.
	prepared := new(grpc.PreparedMsg)
	if err := prepared.Encode(s.TestService_StreamingOutputCallServer, out); err != nil {
		return err
	}
	return s.SendMsg(prepared)
}

func asAnnounced(ctx context.Context, message int, announced *testpb.BoolValue) error {
	if announced == nil || announced.GetValue() == compression.Of(ctx).At(message) {
		return nil
	}
	text := fmt.Sprintf("message %d should have compressed=%v", message, announced.GetValue())
	return status.Error(codes.InvalidArgument, text)
}
