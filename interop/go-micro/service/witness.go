package service

import (
	"context"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// Witness tells what the server has seen.
type Witness struct {
	fail   Fail
	trace  func(context.Context) string
	events chan *testpb.SimpleResponse
}

// NewWitness makes one; trace is the metadata `trace-id` of a context.
func NewWitness(fail Fail, trace func(context.Context) string) *Witness {
	return &Witness{fail, trace, make(chan *testpb.SimpleResponse, 64)}
}

// Trace gives the metadata `trace-id` of the call.
func (w *Witness) Trace(ctx context.Context, _ *testpb.Empty, reply *testpb.SimpleResponse) error {
	reply.Username = w.trace(ctx)
	return nil
}

// Event gives the oldest event that it has not given yet, and waits so many milliseconds for one.
func (w *Witness) Event(_ context.Context, request *testpb.SimpleRequest, reply *testpb.SimpleResponse) error {
	select {
	case event := <-w.events:
		reply.Payload, reply.Username, reply.OauthScope = event.Payload, event.Username, event.OauthScope
		return nil
	case <-time.After(time.Duration(request.GetResponseSize()) * time.Millisecond):
		return w.fail("witness", "no event", 404)
	}
}

// Subscriber makes what takes the events of a topic.
func Subscriber(w *Witness, topic string) func(context.Context, *testpb.SimpleRequest) error {
	return func(ctx context.Context, event *testpb.SimpleRequest) error {
		seen := &testpb.SimpleResponse{Payload: event.GetPayload(), Username: w.trace(ctx), OauthScope: topic}
		select {
		case w.events <- seen:
		default:
		}
		return nil
	}
}

const (
	// Topic is what everyone who subscribes gets.
	Topic = "interop.event"
	// Work is what one of those in the queue gets.
	Work = "interop.work"
	// Queue is the queue of Work.
	Queue = "workers"
)
