// Package library opens what of go-micro v2 a client and a server both need.
package library

import (
	"context"
	"fmt"

	"github.com/micro/go-micro/v2/broker"
	brokerhttp "github.com/micro/go-micro/v2/broker/http"
	brokermemory "github.com/micro/go-micro/v2/broker/memory"
	brokernats "github.com/micro/go-micro/v2/broker/nats"
	"github.com/micro/go-micro/v2/metadata"
	"github.com/micro/go-micro/v2/registry"
	"github.com/micro/go-micro/v2/registry/etcd"
	"github.com/micro/go-micro/v2/registry/mdns"
	"github.com/micro/go-micro/v2/registry/memory"

	"interop-micro/settings"
)

// Registry opens the one of a URL; without one it is of this process alone.
func Registry(url string) (registry.Registry, error) {
	scheme, address := settings.Split(url)
	switch scheme {
	case "":
		return memory.NewRegistry(), nil
	case "mdns":
		return mdns.NewRegistry(), nil
	case "etcd":
		return etcd.NewRegistry(registry.Addrs(address)), nil
	}
	return nil, fmt.Errorf("no registry %s", url)
}

// Broker opens the one of a URL; without one it is of this process alone.
func Broker(url string, found registry.Registry) (broker.Broker, error) {
	scheme, address := settings.Split(url)
	switch scheme {
	case "":
		return brokermemory.NewBroker(), nil
	case "http":
		return brokerhttp.NewBroker(broker.Registry(found)), nil
	case "nats":
		return brokernats.NewBroker(broker.Addrs(address)), nil
	}
	return nil, fmt.Errorf("no broker %s", url)
}

// Trace is the metadata `trace-id`, whose name is in small letters behind gRPC.
func Trace(ctx context.Context) string {
	for _, key := range []string{"Trace-Id", "trace-id"} {
		if value, ok := metadata.Get(ctx, key); ok {
			return value
		}
	}
	return ""
}
