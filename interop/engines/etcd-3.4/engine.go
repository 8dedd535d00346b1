//go:build tools

// Package engine pins etcd's server of version 3.4.
package engine

import _ "go.etcd.io/etcd"
