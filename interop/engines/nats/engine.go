//go:build tools

// Package engine pins NATS's server.
package engine

import _ "github.com/nats-io/nats-server/v2"
