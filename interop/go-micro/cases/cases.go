package cases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"interop-micro/service"
	"interop-micro/settings"
)

type testCase struct {
	name  string
	run   func(context.Context, *target) error
	where where
}

// where is what a case says something about.
type where int

const (
	// always: whether the two have found each other, and everything else that go-micro is for.
	always where = iota
	// direct: the wire alone, so that once, by address, is enough.
	direct
	// brokered: what goes through a broker.
	brokered
)

func (c testCase) fits(s *settings.Settings) bool {
	switch c.where {
	case direct:
		return s.Registry == ""
	case brokered:
		return s.Broker != ""
	default:
		return true
	}
}

var all = []testCase{
	{"empty_unary", emptyUnary, direct},
	{"unary", unary, always},
	{"large_unary", largeUnary, direct},
	{"metadata", metadata, always},
	{"error", fails, always},
	{"every_code", everyCode, direct},
	{"special_text", specialText, direct},
	{"unknown_method", unknownMethod, direct},
	{"panic", panics, always},
	{"deadline", deadline, always},
	{"keep_alive_1000", keepAlive, direct},
	{"at_once", atOnce, direct},
	{"stream_out", streamOut, always},
	{"stream_both_ways", streamBothWays, always},
	{"stream_error", streamError, always},
	{"publish", publish, brokered},
	{"publish_to_queue", publishToQueue, brokered},
}

// target is a server, called in one content type.
type target struct {
	peer        Library
	client      Client
	settings    *settings.Settings
	contentType string
}

func (t *target) call(ctx context.Context, endpoint string, request, reply any) error {
	return t.client.Call(ctx, endpoint, t.contentType, request, reply)
}

func (t *target) unary(ctx context.Context, sent, wanted int32) error {
	request := &testpb.SimpleRequest{ResponseSize: wanted, Payload: zeros(sent)}
	reply := new(testpb.SimpleResponse)
	if err := t.call(ctx, "TestService.UnaryCall", request, reply); err != nil {
		return err
	}
	return expect("bytes", int32(len(reply.GetPayload().GetBody())), wanted)
}

func emptyUnary(ctx context.Context, t *target) error {
	return t.call(ctx, "TestService.EmptyCall", new(testpb.Empty), new(testpb.Empty))
}

func unary(ctx context.Context, t *target) error {
	return t.unary(ctx, 100, 200)
}

func largeUnary(ctx context.Context, t *target) error {
	return t.unary(ctx, 271828, 314159)
}

// failing asks for an error, and gives what came.
func (t *target) failing(ctx context.Context, code int32, text string) (Error, error) {
	request := &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: code, Message: text}}
	err := t.call(ctx, "TestService.UnaryCall", request, new(testpb.SimpleResponse))
	if err == nil {
		return Error{}, errors.New("no error")
	}
	return t.peer.Parse(err), nil
}

func metadata(ctx context.Context, t *target) error {
	ctx = t.peer.WithMetadata(ctx, map[string]string{"Trace-Id": "one two"})
	reply := new(testpb.SimpleResponse)
	if err := t.call(ctx, "Witness.Trace", new(testpb.Empty), reply); err != nil {
		return err
	}
	return expect("metadata", reply.GetUsername(), "one two")
}

func fails(ctx context.Context, t *target) error {
	found, err := t.failing(ctx, 5, "not here")
	if err != nil {
		return err
	}
	return expect("error", found, Error{t.settings.Service, 404, "not here"})
}

func everyCode(ctx context.Context, t *target) error {
	for code, wanted := range map[int32]int32{3: 400, 4: 408, 5: 404, 6: 409, 7: 403, 8: 429, 9: 412, 12: 501, 14: 503, 15: 500, 16: 401} {
		found, err := t.failing(ctx, code, "text")
		if err != nil {
			return err
		}
		if err := expect(fmt.Sprint("code for ", code), found.Code, wanted); err != nil {
			return err
		}
	}
	return nil
}

func specialText(ctx context.Context, t *target) error {
	text := "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈 and <html> & \"quotes\"\t\n"
	found, err := t.failing(ctx, 5, text)
	if err != nil {
		return err
	}
	return expect("text", found.Detail, text)
}

func unknownMethod(ctx context.Context, t *target) error {
	for _, endpoint := range []string{"TestService.UnimplementedCall", "Unimplemented.Call"} {
		err := t.call(ctx, endpoint, new(testpb.Empty), new(testpb.Empty))
		if err == nil {
			return errors.New("no error")
		}
		if err := expect("code", t.peer.Parse(err).Code, 501); err != nil {
			return err
		}
	}
	return nil
}

// panics wants an answer, where go-micro's own server gives none.
func panics(ctx context.Context, t *target) error {
	err := t.call(ctx, "Trouble.Explode", new(testpb.Empty), new(testpb.Empty))
	if err == nil {
		return errors.New("no error")
	}
	found := t.peer.Parse(err)
	// Over gRPC whoever panicked says no more than the code.
	if t.settings.Flavour == "grpc" {
		found.ID = "go.micro.server"
	}
	if err := expect("who and code", Error{found.ID, found.Code, ""}, Error{"go.micro.server", 500, ""}); err != nil {
		return err
	}
	return unary(ctx, t)
}

func deadline(ctx context.Context, t *target) error {
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := t.call(short, "Trouble.Wait", new(testpb.Empty), new(testpb.Empty))
	if err == nil {
		return errors.New("no error")
	}
	if err := expect("code", t.peer.Parse(err).Code, 408); err != nil {
		return err
	}
	if took := time.Since(begun); took > 3*time.Second {
		return fmt.Errorf("it took %s", took)
	}
	return unary(ctx, t)
}

func keepAlive(ctx context.Context, t *target) error {
	for n := range int32(1000) {
		if err := t.unary(ctx, n%7, n%11); err != nil {
			return fmt.Errorf("call %d: %w", n, err)
		}
	}
	return nil
}

func atOnce(ctx context.Context, t *target) error {
	var wait sync.WaitGroup
	failed := make(chan error, 32)
	for range 32 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := range int32(50) {
				if err := t.unary(ctx, n, 3*n); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	wait.Wait()
	close(failed)
	return <-failed
}

func outputRequest(sizes ...int32) *testpb.StreamingOutputCallRequest {
	request := new(testpb.StreamingOutputCallRequest)
	for _, size := range sizes {
		request.ResponseParameters = append(request.ResponseParameters, &testpb.ResponseParameters{Size: size})
	}
	return request
}

func receive(stream Stream, sizes ...int32) error {
	for _, size := range sizes {
		reply := new(testpb.StreamingOutputCallResponse)
		if err := stream.Recv(reply); err != nil {
			return err
		}
		if err := expect("bytes", int32(len(reply.GetPayload().GetBody())), size); err != nil {
			return err
		}
	}
	return nil
}

// streamOut sends its argument as generated clients do: as the second message.
func streamOut(ctx context.Context, t *target) error {
	stream, err := t.client.Stream(ctx, "TestService.StreamingOutputCall", t.contentType, outputRequest())
	if err != nil {
		return err
	}
	sizes := make([]int32, 200)
	for at := range sizes {
		sizes[at] = int32(at)
	}
	if err := stream.Send(outputRequest(sizes...)); err != nil {
		return err
	}
	if err := receive(stream, sizes...); err != nil {
		return err
	}
	if err := stream.Recv(new(testpb.StreamingOutputCallResponse)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("behind the last message: %v", err)
	}
	return stream.Close()
}

func streamBothWays(ctx context.Context, t *target) error {
	stream, err := t.client.Stream(ctx, "TestService.FullDuplexCall", t.contentType, outputRequest())
	if err != nil {
		return err
	}
	for _, size := range []int32{31415, 9, 2653, 58979} {
		if err := stream.Send(outputRequest(size)); err != nil {
			return err
		}
		if err := receive(stream, size); err != nil {
			return err
		}
	}
	return stream.Close()
}

func streamError(ctx context.Context, t *target) error {
	stream, err := t.client.Stream(ctx, "TestService.FullDuplexCall", t.contentType, outputRequest())
	if err != nil {
		return err
	}
	defer stream.Close()
	request := outputRequest(7)
	if err := stream.Send(request); err != nil {
		return err
	}
	if err := receive(stream, 7); err != nil {
		return err
	}
	request.ResponseStatus = &testpb.EchoStatus{Code: 5, Message: "no more"}
	if err := stream.Send(request); err != nil {
		return err
	}
	err = stream.Recv(new(testpb.StreamingOutputCallResponse))
	if err == nil {
		return errors.New("no error")
	}
	// Over gRPC a stream's error is not made into go-micro's own.
	if t.settings.Flavour == "grpc" && strings.Contains(err.Error(), "no more") {
		return nil
	}
	return expect("error", t.peer.Parse(err).Detail, "no more")
}

func publish(ctx context.Context, t *target) error {
	return t.publish(ctx, service.Topic)
}

func publishToQueue(ctx context.Context, t *target) error {
	return t.publish(ctx, service.Work)
}

// publish publishes an event and wants the server to have seen it, once.
func (t *target) publish(ctx context.Context, topic string) error {
	event := &testpb.SimpleRequest{Payload: &testpb.Payload{Body: []byte("of " + topic)}}
	traced := t.peer.WithMetadata(ctx, map[string]string{"Trace-Id": topic})
	if err := t.client.Publish(traced, topic, t.contentType, event); err != nil {
		return err
	}
	seen, err := t.event(ctx, 5000)
	if err != nil {
		return err
	}
	if err := expect("topic", seen.GetOauthScope(), topic); err != nil {
		return err
	}
	if err := expect("metadata", seen.GetUsername(), topic); err != nil {
		return err
	}
	if err := expect("event", string(seen.GetPayload().GetBody()), "of "+topic); err != nil {
		return err
	}
	again, err := t.event(ctx, 300)
	if err == nil {
		return fmt.Errorf("the event came again: %v", again)
	}
	return expect("code", t.peer.Parse(err).Code, 404)
}

// event is what the server has seen of events, if it sees one within so many milliseconds.
func (t *target) event(ctx context.Context, millis int32) (*testpb.SimpleResponse, error) {
	seen := new(testpb.SimpleResponse)
	err := t.call(ctx, "Witness.Event", &testpb.SimpleRequest{ResponseSize: millis}, seen)
	return seen, err
}

func zeros(size int32) *testpb.Payload {
	return &testpb.Payload{Body: make([]byte, size)}
}

func expect[T comparable](what string, found, wanted T) error {
	if found == wanted {
		return nil
	}
	return fmt.Errorf("%s: got %v, want %v", what, found, wanted)
}
