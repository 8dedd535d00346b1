//go:build tools

// Package engine pins Consul.
package engine

import _ "github.com/hashicorp/consul"
