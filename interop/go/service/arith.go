// Package service is what both sides of an interop run agree on: the services a peer offers and
// the types they take. polywire's server in interop/rust offers the same.
package service

import (
	"encoding/gob"
	"errors"
	"fmt"
	"time"
)

// Args is the argument of most methods of Arith.
type Args struct{ A, B int }

// Reply is their answer.
type Reply struct{ C int }

// Arith is the service of Go's own tests of net/rpc, with a few methods more.
type Arith struct{}

func (*Arith) Add(args *Args, reply *Reply) error {
	reply.C = args.A + args.B
	return nil
}

func (*Arith) Mul(args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func (*Arith) Div(args *Args, reply *Reply) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	reply.C = args.A / args.B
	return nil
}

// SleepMilli answers with A after A milliseconds.
func (*Arith) SleepMilli(args *Args, reply *Reply) error {
	time.Sleep(time.Duration(args.A) * time.Millisecond)
	reply.C = args.A
	return nil
}

// String has a reply that is no struct.
func (*Arith) String(args *Args, reply *string) error {
	*reply = fmt.Sprintf("%d+%d=%d", args.A, args.B, args.A+args.B)
	return nil
}

// Scan has an argument that is no struct.
func (*Arith) Scan(args *string, reply *Reply) error {
	_, err := fmt.Sscan(*args, &reply.C)
	return err
}

// Echo answers with the bytes it was sent.
func (*Arith) Echo(args []byte, reply *[]byte) error {
	*reply = args
	return nil
}

// EmptyError fails without a text, which net/rpc takes for success.
func (*Arith) EmptyError(args *Args, reply *Reply) error {
	reply.C = args.A
	return errors.New("")
}

// Panic would end a Go server, so only polywire's is called.
func (*Arith) Panic(args *Args, reply *Reply) error {
	panic("panic asked for")
}

// NotANumber answers with a float that JSON cannot carry.
func (*Arith) NotANumber(args *Args, reply *float64) error {
	zero := 0.0
	*reply = zero / zero
	return nil
}

// Builtin has an argument and replies of unnamed types.
type Builtin struct{}

// Map maps i to itself; to nothing below zero.
func (*Builtin) Map(i int, reply *map[int]int) error {
	if i >= 0 {
		(*reply)[i] = i
	}
	return nil
}

// Slice counts from zero up to i.
func (*Builtin) Slice(i int, reply *[]int) error {
	for n := 0; n < i; n++ {
		*reply = append(*reply, n)
	}
	return nil
}

// Array holds i and its double.
func (*Builtin) Array(i int, reply *[2]int) error {
	*reply = [2]int{i, 2 * i}
	return nil
}

// Nothing has nothing to say.
func (*Builtin) Nothing(_ struct{}, _ *struct{}) error {
	return nil
}

// Faulty answers with what is hard to carry.
type Faulty struct{}

// AnyReply has a field that may hold any registered type.
type AnyReply struct {
	A int
	X any
	B int
}

func init() {
	gob.RegisterName("interop.Point", Point{})
	gob.RegisterName("interop.Tree", &Tree{})
	gob.RegisterName("interop.AnyReply", AnyReply{})
}

// Any puts something else into the interface each time, and types nobody has seen into interfaces
// within interfaces.
func (*Faulty) Any(n int, reply *AnyReply) error {
	values := []any{nil, 7, "text", Point{X: 1}, AnyReply{X: AnyReply{A: 1, X: &Tree{Name: "t"}}}, []int{1}, Point{X: 2}}
	*reply = AnyReply{A: n, X: values[n%len(values)], B: n + 1}
	return nil
}

// Nil answers with an interface that holds nothing, which Go's own client cannot skip.
func (*Faulty) Nil(_ struct{}, _ *any) error {
	return nil
}

// Hidden has no field that gob would send.
type Hidden struct{ secret int }

// Hide cannot be answered: Go's server closes the connection.
func (*Faulty) Hide(_ struct{}, reply *Hidden) error {
	reply.secret = 1
	return nil
}
