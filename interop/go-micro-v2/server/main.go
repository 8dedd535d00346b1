// Command server offers the services on go-micro v2. It prints its address as one line of JSON, and
// ends when its standard input does.
package main

import (
	broker "github.com/micro/go-micro/v2/broker/memory"
	"github.com/micro/go-micro/v2/errors"
	registry "github.com/micro/go-micro/v2/registry/memory"
	"github.com/micro/go-micro/v2/server"
	"github.com/micro/go-micro/v2/server/mucp"
	"interop-micro/service"
)

func main() {
	service.Main(start, map[string]string{
		"protobuf/error":          noErrors,
		"protobuf/every_code":     noErrors,
		"protobuf/special_text":   noErrors,
		"protobuf/unknown_method": noErrors,
	})
}

const noErrors = "go-micro v2 does not answer calls in Protocol Buffers that fail"

func start(address string) error {
	server := mucp.NewServer(
		server.Name("interop"),
		server.Address(address),
		server.Registry(registry.NewRegistry()),
		server.Broker(broker.NewBroker()),
	)
	for _, handler := range []any{&service.TestService{Fail: errors.New}, new(service.Trouble)} {
		if err := server.Handle(server.NewHandler(handler)); err != nil {
			return err
		}
	}
	return server.Start()
}
