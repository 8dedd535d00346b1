// Package compression is a gzip that counts, since connect-go does not say which messages came
// compressed.
package compression

import (
	"compress/gzip"
	"io"
	"sync/atomic"

	"connectrpc.com/connect"
)

// Name is what it is called in headers.
const Name = "gzip"

var inflated atomic.Int64

// Take says how many messages came compressed since it was asked last. Cases that ask run one after
// another.
func Take() int64 { return inflated.Swap(0) }

// NewDecompressor is for connect.WithCompression and connect.WithAcceptCompression.
func NewDecompressor() connect.Decompressor { return &counted{} }

// NewCompressor is for the same.
func NewCompressor() connect.Compressor { return gzip.NewWriter(io.Discard) }

type counted struct{ gzip.Reader }

// Reset is called with each message that came compressed, and with an empty one by the pool.
func (c *counted) Reset(source io.Reader) error {
	err := c.Reader.Reset(source)
	if err == nil {
		inflated.Add(1)
	}
	return err
}
