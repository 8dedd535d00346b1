// Command server offers the services on go-micro v2. It prints its address as one line of JSON, and
// ends when its standard input does.
package main

import (
	"context"
	"time"

	"github.com/micro/go-micro/v2/errors"
	"github.com/micro/go-micro/v2/server"
	"github.com/micro/go-micro/v2/server/grpc"
	"github.com/micro/go-micro/v2/server/mucp"

	"interop-micro-v2/library"
	"interop-micro/service"
	"interop-micro/settings"
)

func main() {
	service.Main(build, without)
}

// without are the cases that the server cannot serve.
func without(s *settings.Settings) map[string]string {
	missing := make(map[string]string)
	if s.Flavour != "mucp" {
		return missing
	}
	for _, name := range []string{"error", "every_code", "special_text", "unknown_method"} {
		missing["protobuf/"+name] = "go-micro v2 does not answer calls in Protocol Buffers that fail"
	}
	for _, name := range []string{"stream_out", "stream_error"} {
		missing["protobuf/"+name] = "go-micro v2 does not say that a stream in Protocol Buffers has ended"
	}
	return missing
}

func build(s *settings.Settings, address string) (service.Server, error) {
	found, err := library.Registry(s.Registry)
	if err != nil {
		return nil, err
	}
	broker, err := library.Broker(s.Broker, found)
	if err != nil {
		return nil, err
	}
	newServer := mucp.NewServer
	if s.Flavour == "grpc" {
		newServer = grpc.NewServer
	}
	server := newServer(
		server.Name(s.Service),
		server.Address(address),
		server.Registry(found),
		server.RegisterTTL(time.Minute),
		server.RegisterInterval(30*time.Second),
		server.Broker(broker),
	)
	witness := service.NewWitness(errors.New, library.Trace)
	tested := &TestService{service.TestService{Name: s.Service, Fail: errors.New}}
	for _, handler := range []any{tested, new(service.Trouble), witness} {
		if err := server.Handle(server.NewHandler(handler)); err != nil {
			return nil, err
		}
	}
	if s.Broker != "" {
		err = subscribe(server, witness)
	}
	return server, err
}

// subscribe subscribes to a topic, and to one by way of a queue.
func subscribe(to server.Server, witness *service.Witness) error {
	for _, subscriber := range []server.Subscriber{
		to.NewSubscriber(service.Topic, service.Subscriber(witness, service.Topic)),
		to.NewSubscriber(service.Work, service.Subscriber(witness, service.Work), server.SubscriberQueue(service.Queue)),
	} {
		if err := to.Subscribe(subscriber); err != nil {
			return err
		}
	}
	return nil
}

// TestService is gRPC's test service.
type TestService struct{ service.TestService }

// StreamingOutputCall takes one request, and sends what it asks for.
func (s *TestService) StreamingOutputCall(_ context.Context, stream server.Stream) error {
	return service.StreamingOutputCall(stream, s.Name, s.Fail)
}

// FullDuplexCall answers each request with what it asks for.
func (s *TestService) FullDuplexCall(_ context.Context, stream server.Stream) error {
	return service.FullDuplexCall(stream, s.Name, s.Fail)
}
