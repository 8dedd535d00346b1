// The echo in go-micro v6: its HTTP transport, in JSON.
package main

import (
	"context"

	"go-micro.dev/v6/broker"
	"go-micro.dev/v6/client"
	"go-micro.dev/v6/registry"
	"go-micro.dev/v6/server"

	"bench-go/harness"
)

// Message is what goes there and back.
type Message struct {
	Payload []byte `json:"payload"`
}

// Echo is the service.
type Echo struct{}

// Echo answers with what it was sent.
func (Echo) Echo(_ context.Context, args *Message, reply *Message) error {
	reply.Payload = args.Payload
	return nil
}

// A server of go-micro's loses a call now and then; its caller waits for five seconds then.
const lost = 10

func main() {
	harness.Main(harness.Peer{Serve: serve, Connect: connect, Lost: lost})
}

func serve(listen string, listening func(address string)) error {
	server := server.NewRPCServer(
		server.Name("bench"),
		server.Address(listen),
		server.Registry(registry.NewMemoryRegistry()),
		server.Broker(broker.NewMemoryBroker()),
	)
	if err := server.Handle(server.NewHandler(Echo{})); err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	listening(server.Options().Address)
	select {}
}

func connect(server string) (harness.Call, func(), error) {
	caller := client.NewClient(
		client.Registry(registry.NewMemoryRegistry()),
		client.ContentType("application/json"),
		client.Retries(0),
	)
	call := func(payload []byte) ([]byte, error) {
		var reply Message
		request := caller.NewRequest("bench", "Echo.Echo", &Message{payload})
		err := caller.Call(context.Background(), request, &reply, client.WithAddress(server))
		return reply.Payload, err
	}
	return call, func() {}, nil
}
