// The echo in Go's net/rpc, on the standard library alone.
package main

import (
	"net"
	"net/rpc"

	"bench-go/harness"
)

// Message is what goes there and back.
type Message struct{ Payload []byte }

// Echo is the service.
type Echo struct{}

// Echo answers with what it was sent.
func (Echo) Echo(args *Message, reply *Message) error {
	reply.Payload = args.Payload
	return nil
}

func main() {
	harness.Main(harness.Peer{Serve: serve, Connect: connect})
}

func serve(listen string, listening func(address string)) error {
	if err := rpc.Register(Echo{}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	listening(listener.Addr().String())
	rpc.Accept(listener)
	return nil
}

func connect(server string) (harness.Call, func(), error) {
	client, err := rpc.Dial("tcp", server)
	if err != nil {
		return nil, nil, err
	}
	call := func(payload []byte) ([]byte, error) {
		var reply Message
		err := client.Call("Echo.Echo", &Message{payload}, &reply)
		return reply.Payload, err
	}
	return call, func() { client.Close() }, nil
}
