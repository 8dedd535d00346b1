// Command client runs the cases of go-micro v5's client against a server.
package main

import (
	"context"

	"go-micro.dev/v5/client"
	"go-micro.dev/v5/errors"

	"interop-micro/cases"
)

func main() {
	cases.Main(cases.Library{Connect: connect, Parse: parse})
}

// connect makes a client that sends every call to one address, once.
func connect(address string) cases.Client {
	return library{client.NewClient(), client.WithAddress(address)}
}

type library struct {
	client  client.Client
	address client.CallOption
}

func (l library) Call(ctx context.Context, endpoint, contentType string, request, reply any) error {
	return l.client.Call(ctx, l.request(endpoint, contentType, request), reply, l.address, client.WithRetries(0))
}

func (l library) Stream(ctx context.Context, endpoint, contentType string, first any) (cases.Stream, error) {
	stream, err := l.client.Stream(ctx, l.request(endpoint, contentType, first), l.address)
	if err != nil {
		return nil, err
	}
	return stream, nil
}

func (l library) request(endpoint, contentType string, request any) client.Request {
	return l.client.NewRequest("interop", endpoint, request, client.WithContentType(contentType))
}

func parse(err error) cases.Error {
	found := errors.Parse(err.Error())
	return cases.Error{ID: found.Id, Code: found.Code, Detail: found.Detail}
}
