// Package compression tells which messages of a call came compressed, which grpc-go shows to stats
// handlers only.
package compression

import (
	"context"
	"sync"

	"google.golang.org/grpc/stats"
)

// Seen lists the messages that one call received, in order.
type Seen struct {
	mutex    sync.Mutex
	messages []bool
}

type key struct{}

// Watch makes a context whose call is watched; a server's calls are watched anyway.
func Watch(ctx context.Context) (context.Context, *Seen) {
	seen := new(Seen)
	return context.WithValue(ctx, key{}, seen), seen
}

// Of is what a call has received so far, for its handler.
func Of(ctx context.Context) *Seen { return ctx.Value(key{}).(*Seen) }

// At says whether the message of that number came compressed, counted from 0.
func (s *Seen) At(i int) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return i < len(s.messages) && s.messages[i]
}

// Handler fills Seen. The messages of the interop cases are all zeros, so that a compressed one
// never has the length it has without.
type Handler struct{}

// TagRPC watches a call unless its caller does already.
func (Handler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if ctx.Value(key{}) == nil {
		ctx, _ = Watch(ctx)
	}
	return ctx
}

// HandleRPC notes incoming messages.
func (Handler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if payload, ok := event.(*stats.InPayload); ok {
		seen := Of(ctx)
		seen.mutex.Lock()
		defer seen.mutex.Unlock()
		seen.messages = append(seen.messages, payload.CompressedLength != payload.Length)
	}
}

// TagConn does nothing.
func (Handler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (Handler) HandleConn(context.Context, stats.ConnStats) {}
