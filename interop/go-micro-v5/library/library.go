// Package library opens what of go-micro v5 a client and a server both need.
package library

import (
	"context"
	"fmt"

	"go-micro.dev/v5/broker"
	brokernats "go-micro.dev/v5/broker/nats"
	"go-micro.dev/v5/metadata"
	"go-micro.dev/v5/registry"
	"go-micro.dev/v5/registry/consul"
	"go-micro.dev/v5/registry/etcd"
	"go-micro.dev/v5/registry/nats"

	"interop-micro/settings"
)

// Registry opens the one of a URL; without one it is of this process alone.
func Registry(url string) (registry.Registry, error) {
	scheme, address := settings.Split(url)
	switch scheme {
	case "":
		return registry.NewMemoryRegistry(), nil
	case "mdns":
		return registry.NewMDNSRegistry(), nil
	case "etcd":
		return etcd.NewEtcdRegistry(registry.Addrs(address)), nil
	case "consul":
		return consul.NewConsulRegistry(registry.Addrs(address)), nil
	case "nats":
		return nats.NewNatsRegistry(registry.Addrs(address)), nil
	}
	return nil, fmt.Errorf("no registry %s", url)
}

// Broker opens the one of a URL; without one it is of this process alone.
func Broker(url string, found registry.Registry) (broker.Broker, error) {
	scheme, address := settings.Split(url)
	switch scheme {
	case "":
		return broker.NewMemoryBroker(), nil
	case "http":
		return broker.NewHttpBroker(broker.Registry(found)), nil
	case "nats":
		return brokernats.NewNatsBroker(broker.Addrs(address)), nil
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
