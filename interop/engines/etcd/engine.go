//go:build tools

// Package engine pins etcd's server.
package engine

import _ "go.etcd.io/etcd/server/v3"
