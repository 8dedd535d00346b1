package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"interop-connect/compression"
)

var (
	requests  = []int{27182, 8, 1828, 45904}
	responses = []int{31415, 9, 2653, 58979}
)

type (
	input  = testpb.StreamingInputCallRequest
	output = testpb.StreamingOutputCallRequest
)

func clientStreaming(ctx context.Context, t *target) error {
	var messages []*input
	for _, size := range requests {
		messages = append(messages, &input{Payload: zeros(size)})
	}
	return upload(ctx, t, messages, 74922)
}

func clientCompressedStreaming(ctx context.Context, t *target) error {
	message := func(announced bool, size int) *input {
		return &input{ExpectCompressed: &testpb.BoolValue{Value: announced}, Payload: zeros(size)}
	}
	probe := upload(ctx, t, []*input{message(true, 27182)}, 0)
	if err := failed(probe, connect.CodeInvalidArgument, ""); err != nil {
		return fmt.Errorf("the probe: %w", err)
	}
	return upload(ctx, t, []*input{message(true, 27182), message(false, 8)}, 27190, compressing())
}

func serverStreaming(ctx context.Context, t *target) error {
	return expectReplies(ctx, t, ofSizes(responses...), responses)
}

func serverCompressedStreaming(ctx context.Context, t *target) error {
	sizes := []int{31415, 92653}
	parameters := ofSizes(sizes...)
	parameters[0].Compressed = &testpb.BoolValue{Value: true}
	parameters[1].Compressed = &testpb.BoolValue{Value: false}
	compression.Take()
	if err := expectReplies(ctx, t, parameters, sizes); err != nil {
		return err
	}
	return expect("messages that came compressed", compression.Take(), 1)
}

func pingPong(ctx context.Context, t *target) error {
	stream := fullDuplex(ctx, t)
	defer stream.CloseResponse()
	for i, size := range responses {
		if err := stream.Send(&output{ResponseParameters: ofSizes(size), Payload: zeros(requests[i])}); err != nil {
			return err
		}
		reply, err := stream.Receive()
		if err != nil {
			return err
		}
		if err := expect("bytes", len(reply.GetPayload().GetBody()), size); err != nil {
			return err
		}
	}
	return ended(stream)
}

func emptyStream(ctx context.Context, t *target) error {
	stream := fullDuplex(ctx, t)
	defer stream.CloseResponse()
	return ended(stream)
}

func customMetadataOfAStream(ctx context.Context, t *target) error {
	stream := fullDuplex(ctx, t)
	defer stream.CloseResponse()
	stream.RequestHeader().Set(echoInitial, initialValue)
	stream.RequestHeader().Set(echoTrailing, trailingValue)
	if err := stream.Send(&output{ResponseParameters: ofSizes(1), Payload: zeros(1)}); err != nil {
		return err
	}
	if _, err := stream.Receive(); err != nil {
		return err
	}
	if err := ended(stream); err != nil {
		return err
	}
	return echoed(stream.ResponseHeader(), stream.ResponseTrailer())
}

func cancelAfterBegin(ctx context.Context, t *target) error {
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := of[input, testpb.StreamingInputCallResponse](t, "TestService/StreamingInputCall").CallClientStream(cancelled)
	if err := stream.Send(&input{Payload: zeros(1)}); err != nil {
		return err
	}
	cancel()
	_, err := stream.CloseAndReceive()
	if err := failed(err, connect.CodeCanceled, ""); err != nil {
		return err
	}
	return emptyUnary(ctx, t)
}

func cancelAfterFirstResponse(ctx context.Context, t *target) error {
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := replies(cancelled, t, late(1))
	if err != nil {
		return err
	}
	defer stream.Close()
	if !stream.Receive() {
		return fmt.Errorf("no reply: %w", stream.Err())
	}
	cancel()
	if stream.Receive() {
		return errors.New("a reply came after the end")
	}
	if err := failed(stream.Err(), connect.CodeCanceled, ""); err != nil {
		return err
	}
	return emptyUnary(ctx, t)
}

func timeoutOnSleepingServer(ctx context.Context, t *target) error {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	stream, err := replies(ctx, t, late(0))
	if err == nil {
		defer stream.Close()
		for stream.Receive() {
		}
		err = stream.Err()
	}
	return failed(err, connect.CodeDeadlineExceeded, "")
}

// late asks for so many replies at once, and for one after a long time.
func late(atOnce int) []*testpb.ResponseParameters {
	parameters := ofSizes(make([]int, atOnce+1)...)
	parameters[atOnce].IntervalUs = int32(interval.Microseconds())
	return parameters
}

func upload(ctx context.Context, t *target, messages []*input, sum int32, options ...connect.ClientOption) error {
	stream := of[input, testpb.StreamingInputCallResponse](t, "TestService/StreamingInputCall", options...).CallClientStream(ctx)
	for _, message := range messages {
		// A server that has answered takes no more; what it said comes with the reply.
		if err := stream.Send(message); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	reply, err := stream.CloseAndReceive()
	if err != nil {
		return err
	}
	return expect("bytes in all", reply.Msg.GetAggregatedPayloadSize(), sum)
}

func replies(ctx context.Context, t *target, parameters []*testpb.ResponseParameters) (*connect.ServerStreamForClient[testpb.StreamingOutputCallResponse], error) {
	return of[output, testpb.StreamingOutputCallResponse](t, "TestService/StreamingOutputCall").
		CallServerStream(ctx, connect.NewRequest(&output{ResponseParameters: parameters}))
}

func expectReplies(ctx context.Context, t *target, parameters []*testpb.ResponseParameters, sizes []int) error {
	stream, err := replies(ctx, t, parameters)
	if err != nil {
		return err
	}
	defer stream.Close()
	for _, size := range sizes {
		if !stream.Receive() {
			return fmt.Errorf("the stream ended early: %w", stream.Err())
		}
		if err := expect("bytes", len(stream.Msg().GetPayload().GetBody()), size); err != nil {
			return err
		}
	}
	if stream.Receive() {
		return errors.New("got a reply, want the end")
	}
	return stream.Err()
}

type duplex = connect.BidiStreamForClient[output, testpb.StreamingOutputCallResponse]

func fullDuplex(ctx context.Context, t *target) *duplex {
	return of[output, testpb.StreamingOutputCallResponse](t, "TestService/FullDuplexCall").CallBidiStream(ctx)
}

// ended ends the requests, and says what is wrong if more comes than the end.
func ended(stream *duplex) error {
	if err := stream.CloseRequest(); err != nil {
		return err
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("got %v, want the end", err)
	}
	return nil
}

func ofSizes(sizes ...int) []*testpb.ResponseParameters {
	var parameters []*testpb.ResponseParameters
	for _, size := range sizes {
		parameters = append(parameters, &testpb.ResponseParameters{Size: int32(size)})
	}
	return parameters
}
