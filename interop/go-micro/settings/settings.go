// Package settings are what a client and the server that it starts are told in the same words.
package settings

import (
	"flag"
	"strings"
)

// Settings say where the two find each other, and how they speak.
type Settings struct {
	// Service is the name under which the server registers.
	Service string
	// Cell is where the names of the cases begin, behind "micro".
	Cell string
	// Flavour is "mucp" or "grpc".
	Flavour string
	// Registry is a URL such as "etcd://127.0.0.1:2379"; without one the client is given an address.
	Registry string
	// Broker is "http:", which goes by the registry, or a URL; without one nothing is published.
	Broker string
}

// Flags gives what flag.Parse will fill.
func Flags() *Settings {
	s := new(Settings)
	for _, f := range s.flags() {
		flag.StringVar(f.value, f.name, f.usual, f.usage)
	}
	return s
}

// Words are the flags that say the same to another program.
func (s *Settings) Words() []string {
	var words []string
	for _, f := range s.flags() {
		words = append(words, "--"+f.name, *f.value)
	}
	return words
}

type setting struct {
	name, usual, usage string
	value              *string
}

func (s *Settings) flags() []setting {
	return []setting{
		{"service", "interop", "the name of the service", &s.Service},
		{"cell", "mucp/static", "where the names of the cases begin", &s.Cell},
		{"flavour", "mucp", "mucp or grpc", &s.Flavour},
		{"registry", "", "mdns:, or the URL of etcd, consul or nats; none: by address", &s.Registry},
		{"broker", "", "http:, or the URL of nats; none: nothing is published", &s.Broker},
	}
}

// Split takes a URL apart.
func Split(url string) (scheme, address string) {
	scheme, rest, _ := strings.Cut(url, ":")
	return scheme, strings.TrimPrefix(rest, "//")
}
