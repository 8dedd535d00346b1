// Command server offers the services on go-micro v6. It prints its address as one line of JSON, and
// ends when its standard input does.
package main

import (
	"go-micro.dev/v6/broker"
	"go-micro.dev/v6/errors"
	"go-micro.dev/v6/registry"
	"go-micro.dev/v6/server"

	"interop-micro/service"
)

func main() {
	service.Main(start, nil)
}

func start(address string) error {
	server := server.NewRPCServer(
		server.Name("interop"),
		server.Address(address),
		server.Registry(registry.NewMemoryRegistry()),
		server.Broker(broker.NewMemoryBroker()),
	)
	for _, handler := range []any{&service.TestService{Fail: errors.New}, new(service.Trouble)} {
		if err := server.Handle(server.NewHandler(handler)); err != nil {
			return err
		}
	}
	return server.Start()
}
