// Command client runs the cases of go-micro v5's client against a server.
package main

import (
	"context"

	"go-micro.dev/v5/client"
	"go-micro.dev/v5/client/grpc"
	"go-micro.dev/v5/errors"
	"go-micro.dev/v5/metadata"
	"go-micro.dev/v5/selector"

	"interop-micro-v5/library"
	"interop-micro/cases"
	"interop-micro/settings"
)

func main() {
	cases.Main(cases.Library{Connect: connect, Parse: parse, WithMetadata: withMetadata})
}

// connect makes a client that sends every call once, to one address or to what is registered.
func connect(s *settings.Settings, address string) (cases.Client, error) {
	found, err := library.Registry(s.Registry)
	if err != nil {
		return nil, err
	}
	broker, err := library.Broker(s.Broker, found)
	if err != nil {
		return nil, err
	}
	newClient := client.NewClient
	if s.Flavour == "grpc" {
		newClient = grpc.NewClient
	}
	caller := caller{service: s.Service}
	caller.client = newClient(
		client.Registry(found),
		client.Selector(selector.NewSelector(selector.Registry(found))),
		client.Broker(broker),
		client.Retries(0),
	)
	if s.Registry == "" {
		caller.options = append(caller.options, client.WithAddress(address))
	}
	return caller, nil
}

type caller struct {
	service string
	client  client.Client
	options []client.CallOption
}

func (c caller) Call(ctx context.Context, endpoint, contentType string, request, reply any) error {
	return c.client.Call(ctx, c.request(endpoint, contentType, request), reply, c.options...)
}

func (c caller) Stream(ctx context.Context, endpoint, contentType string, first any) (cases.Stream, error) {
	stream, err := c.client.Stream(ctx, c.request(endpoint, contentType, first), c.options...)
	if err != nil {
		return nil, err
	}
	return stream, nil
}

func (c caller) Publish(ctx context.Context, topic, contentType string, event any) error {
	return c.client.Publish(ctx, client.NewMessage(topic, event, client.WithMessageContentType(contentType)))
}

func (c caller) request(endpoint, contentType string, request any) client.Request {
	return c.client.NewRequest(c.service, endpoint, request, client.WithContentType(contentType))
}

func parse(err error) cases.Error {
	found := errors.Parse(err.Error())
	return cases.Error{ID: found.Id, Code: found.Code, Detail: found.Detail}
}

func withMetadata(ctx context.Context, more map[string]string) context.Context {
	return metadata.NewContext(ctx, more)
}
