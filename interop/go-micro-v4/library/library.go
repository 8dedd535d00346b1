// Package library opens what of go-micro v4 a client and a server both need.
package library

import (
	"context"
	"fmt"

	"go-micro.dev/v4/broker"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/registry"

	"interop-micro/settings"
)

// Registry opens the one of a URL; without one it is of this process alone.
func Registry(url string) (registry.Registry, error) {
	scheme, _ := settings.Split(url)
	switch scheme {
	case "":
		return registry.NewMemoryRegistry(), nil
	case "mdns":
		return registry.NewRegistry(), nil
	}
	return nil, fmt.Errorf("no registry %s", url)
}

// Broker opens the one of a URL; without one it is of this process alone.
func Broker(url string, found registry.Registry) (broker.Broker, error) {
	scheme, _ := settings.Split(url)
	switch scheme {
	case "":
		return broker.NewMemoryBroker(), nil
	case "http":
		return broker.NewBroker(broker.Registry(found)), nil
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
