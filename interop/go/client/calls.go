package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/rpc"
	"reflect"
	"strings"
	"sync"
	"time"

	"interop/service"
)

// onEveryTransport are the cases that do not depend on how the bytes travel; they hold for JSON,
// too.
func onEveryTransport(transport string, dial dial) []testCase {
	cases := []testCase{
		{"sync_call", "", with(dial, syncCall)},
		{"async_calls_awaited_in_opposite_order", "", with(dial, asyncCalls)},
		{"unknown_method", "", with(dial, unknownMethod)},
		{"unknown_service", "", with(dial, unknownService)},
		{"ill_formed_name", "", with(dial, illFormedName)},
		{"method_error", "", with(dial, methodError)},
		{"errors_between_successes", "", with(dial, errorsBetweenSuccesses)},
		{"empty_error_is_success", goPeer, with(dial, emptyErrorIsSuccess)},
		{"argument_and_reply_that_are_no_structs", "", with(dial, noStructs)},
		{"map_slice_and_array_replies", "", with(dial, builtinReplies)},
		{"empty_map_reply_is_not_nil", "", with(dial, emptyMap)},
		{"service_name_with_dots", "", with(dial, dottedNames)},
		{"replies_out_of_order", "", with(dial, outOfOrder)},
		{"reply_discarded", "", with(dial, replyDiscarded)},
		{"many_types", "", with(dial, manyTypes)},
		{"many_types_all_zero", "", with(dial, manyTypesZero)},
		{"big_maps", "", with(dial, bigMaps)},
		{"overflow_is_an_error", "", with(dial, overflow)},
		{"1_mib_argument", "", with(dial, echoOf(1<<20))},
		{"5_mib_argument", "", with(dial, echoOf(5<<20))},
		{"1000_concurrent_calls", "", with(dial, concurrentCalls)},
		{"large_and_small_calls_mixed", "", with(dial, mixedSizes)},
		{"panic_is_an_error_of_the_call", polywire, with(dial, panicIsAnError)},
		{"call_after_close", "", with(dial, callAfterClose)},
	}
	for i := range cases {
		cases[i].name = transport + "/" + cases[i].name
	}
	return cases
}

func add(client *rpc.Client, a, b int) error {
	var reply service.Reply
	if err := client.Call("Arith.Add", service.Args{A: a, B: b}, &reply); err != nil {
		return fmt.Errorf("Arith.Add: %w", err)
	}
	return expect("Arith.Add", reply.C, a+b)
}

func syncCall(client *rpc.Client) error {
	return firstError(
		func() error { return add(client, 7, 8) },
		func() error { return add(client, 0, 0) },
		func() error { return add(client, math.MinInt64, 1) },
		func() error {
			var reply service.Reply
			err := client.Call("Arith.Mul", &service.Args{A: 7, B: -8}, &reply)
			return errors.Join(err, expect("Arith.Mul", reply.C, -56))
		},
	)
}

func asyncCalls(client *rpc.Client) error {
	var sum, product service.Reply
	args := service.Args{A: 7, B: 8}
	first := client.Go("Arith.Add", args, &sum, nil)
	second := client.Go("Arith.Mul", args, &product, nil)
	second = <-second.Done
	first = <-first.Done
	return errors.Join(second.Error, first.Error,
		expect("product", product.C, 56), expect("sum", sum.C, 15))
}

// refused makes a call and expects the server, not the connection, to fail it.
func refused(client *rpc.Client, method string, args any, want string) error {
	err := client.Call(method, args, new(service.Reply))
	if _, ok := err.(rpc.ServerError); err != nil && !ok {
		return fmt.Errorf("%s: got %T %v, want a ServerError", method, err, err)
	}
	return expectError(err, want)
}

func unknownMethod(client *rpc.Client) error {
	args := service.Args{A: 7}
	return firstError(
		func() error {
			return refused(client, "Arith.BadOperation", args, "rpc: can't find method Arith.BadOperation")
		},
		func() error { return refused(client, "Arith.", args, "rpc: can't find method Arith.") },
		func() error { return refused(client, "Arith.add", args, "rpc: can't find method Arith.add") },
		func() error { return add(client, 1, 2) },
	)
}

func unknownService(client *rpc.Client) error {
	args := service.Args{A: 7}
	return firstError(
		func() error {
			return refused(client, "Arithmetic.Add", args, "rpc: can't find service Arithmetic.Add")
		},
		func() error { return refused(client, ".Add", args, "rpc: can't find service .Add") },
		func() error {
			return refused(client, "Arith.Add.Add", args, "rpc: can't find service Arith.Add.Add")
		},
		func() error { return add(client, 1, 2) },
	)
}

func illFormedName(client *rpc.Client) error {
	args := service.Args{A: 7}
	return firstError(
		func() error {
			return refused(client, "nodot", args, "rpc: service/method request ill-formed: nodot")
		},
		func() error { return refused(client, "", args, "rpc: service/method request ill-formed: ") },
		func() error { return add(client, 1, 2) },
	)
}

func methodError(client *rpc.Client) error {
	return firstError(
		func() error { return refused(client, "Arith.Div", service.Args{A: 7}, "divide by zero") },
		func() error { return add(client, 1, 2) },
	)
}

func errorsBetweenSuccesses(client *rpc.Client) error {
	for i := 0; i < 20; i++ {
		err := firstError(
			func() error { return refused(client, "Arith.Div", service.Args{A: i}, "divide by zero") },
			func() error { return add(client, i, i) },
			func() error {
				return refused(client, "Arith.No", service.Args{A: i}, "rpc: can't find method Arith.No")
			},
		)
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
	}
	return nil
}

func emptyErrorIsSuccess(client *rpc.Client) error {
	var reply service.Reply
	err := client.Call("Arith.EmptyError", service.Args{A: 7}, &reply)
	return errors.Join(err, expect("reply", reply.C, 7))
}

func noStructs(client *rpc.Client) error {
	text := "42"
	var scanned service.Reply
	var printed string
	return firstError(
		func() error { return client.Call("Arith.Scan", &text, &scanned) },
		func() error { return expect("Arith.Scan", scanned.C, 42) },
		func() error { return client.Call("Arith.String", service.Args{A: 7, B: 8}, &printed) },
		func() error { return expect("Arith.String", printed, "7+8=15") },
	)
}

func builtinReplies(client *rpc.Client) error {
	var asMap map[int]int
	var asSlice []int
	var asArray [2]int
	return firstError(
		func() error { return client.Call("Builtin.Map", 7, &asMap) },
		func() error { return equal("Builtin.Map", asMap, map[int]int{7: 7}) },
		func() error { return client.Call("Builtin.Slice", 3, &asSlice) },
		func() error { return equal("Builtin.Slice", asSlice, []int{0, 1, 2}) },
		func() error { return client.Call("Builtin.Array", 7, &asArray) },
		func() error { return expect("Builtin.Array", asArray, [2]int{7, 14}) },
		func() error { return client.Call("Builtin.Nothing", struct{}{}, new(struct{})) },
		func() error { return add(client, 1, 2) },
	)
}

func emptyMap(client *rpc.Client) error {
	var reply map[int]int
	if err := client.Call("Builtin.Map", -1, &reply); err != nil {
		return err
	}
	if reply == nil {
		return errors.New("the map is nil")
	}
	return expect("elements", len(reply), 0)
}

func dottedNames(client *rpc.Client) error {
	for _, name := range []string{"net.rpc.Arith", "newServer.Arith"} {
		var reply service.Reply
		err := client.Call(name+".Add", service.Args{A: 7, B: 8}, &reply)
		if err := errors.Join(err, expect(name, reply.C, 15)); err != nil {
			return err
		}
	}
	return refused(client, "net.rpc.Arith", service.Args{}, "rpc: can't find service net.rpc.Arith")
}

func outOfOrder(client *rpc.Client) error {
	done := make(chan *rpc.Call, 3)
	for _, milli := range []int{400, 200, 0} {
		client.Go("Arith.SleepMilli", service.Args{A: milli}, new(service.Reply), done)
	}
	for _, want := range []int{0, 200, 400} {
		call := <-done
		got := call.Reply.(*service.Reply).C
		if err := errors.Join(call.Error, expect("milliseconds", got, want)); err != nil {
			return err
		}
	}
	return nil
}

func replyDiscarded(client *rpc.Client) error {
	return firstError(
		func() error { return client.Call("Types.Echo", service.Full(), nil) },
		func() error { return client.Call("Builtin.Map", 1, nil) },
		func() error { return add(client, 1, 2) },
	)
}

// equal takes a nil slice for an empty one: Rust has no other.
func equal(what string, got, want any) error {
	return same(what, reflect.ValueOf(got), reflect.ValueOf(want))
}

func same(what string, got, want reflect.Value) error {
	differ := fmt.Errorf("%s: got %s, want %s", what, shorten(got), shorten(want))
	if got.Type() != want.Type() {
		return differ
	}
	switch got.Kind() {
	case reflect.Slice, reflect.Array:
		if got.Len() != want.Len() {
			return differ
		}
		for i := 0; i < got.Len(); i++ {
			if err := same(fmt.Sprintf("%s[%d]", what, i), got.Index(i), want.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		if got.Len() != want.Len() {
			return differ
		}
		for _, key := range want.MapKeys() {
			if !got.MapIndex(key).IsValid() {
				return differ
			}
			if err := same(fmt.Sprintf("%s[%v]", what, key), got.MapIndex(key), want.MapIndex(key)); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if got.IsNil() || want.IsNil() {
			if got.IsNil() != want.IsNil() {
				return differ
			}
			return nil
		}
		return same(what, got.Elem(), want.Elem())
	case reflect.Struct:
		if _, ok := want.Interface().(time.Time); ok {
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				return differ
			}
			return nil
		}
		for i := 0; i < got.NumField(); i++ {
			if err := same(what+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i)); err != nil {
				return err
			}
		}
	default:
		if got.Interface() != want.Interface() {
			return differ
		}
	}
	return nil
}

func manyTypes(client *rpc.Client) error {
	for round := 0; round < 3; round++ {
		var reply service.Many
		if err := client.Call("Types.Echo", service.Full(), &reply); err != nil {
			return err
		}
		if err := equal("Types.Echo", reply, service.Full()); err != nil {
			return err
		}
	}
	return add(client, 1, 2)
}

// manyTypesZero sends and wants as little as a struct can hold. Go's zero time, the year 1, is 1970
// in Rust, whose serde knows no earlier time.
func manyTypesZero(client *rpc.Client) error {
	var reply, want service.Many
	if *peer == polywire {
		want.At = time.Unix(0, 0).UTC()
	}
	err := client.Call("Types.Echo", service.Many{}, &reply)
	return errors.Join(err, equal("Types.Echo", reply, want))
}

func bigMaps(client *rpc.Client) error {
	args := service.Maps{ByName: map[string]int{}, ByNumber: map[int]string{}}
	for i := 0; i < 20_000; i++ {
		args.ByName[fmt.Sprint("key ", i)] = i
		args.ByNumber[i-10_000] = fmt.Sprint("value ", i)
	}
	var reply service.Maps
	if err := client.Call("Types.Maps", args, &reply); err != nil {
		return err
	}
	return equal("Types.Maps", reply, args)
}

func overflow(client *rpc.Client) error {
	type wider struct {
		N int
		U uint
	}
	var reply service.Narrow
	return firstError(
		func() error {
			err := client.Call("Types.Narrow", wider{N: -128, U: 255}, &reply)
			return errors.Join(err, expect("reply", reply, service.Narrow{N: -128, U: 255}))
		},
		func() error {
			err := client.Call("Types.Narrow", wider{N: 128}, &reply)
			if err == nil || !strings.Contains(err.Error(), `value for "N" out of range`) &&
				!strings.Contains(err.Error(), "json: cannot unmarshal number 128 into Go struct field") {
				return fmt.Errorf("128 as an int8: got error %v", err)
			}
			return nil
		},
		func() error { return add(client, 1, 2) },
	)
}

func echoOf(size int) func(*rpc.Client) error {
	return func(client *rpc.Client) error {
		args := make([]byte, size)
		for i := range args {
			args[i] = byte(i*7 + i>>8)
		}
		var reply []byte
		if err := client.Call("Arith.Echo", args, &reply); err != nil {
			return err
		}
		if !bytes.Equal(reply, args) {
			return fmt.Errorf("%d other bytes came back", len(reply))
		}
		return add(client, 1, 2)
	}
}

func concurrentCalls(client *rpc.Client) error {
	return inParallel(1000, func(i int) error {
		if i%3 == 0 {
			var reply service.Reply
			err := client.Call("Arith.SleepMilli", service.Args{A: i % 50}, &reply)
			return errors.Join(err, expect("milliseconds", reply.C, i%50))
		}
		if i%10 == 1 {
			return refused(client, "Arith.Div", service.Args{A: i}, "divide by zero")
		}
		return add(client, i, 1)
	})
}

func mixedSizes(client *rpc.Client) error {
	return inParallel(60, func(i int) error {
		if i%3 != 0 {
			return add(client, i, 1)
		}
		args := bytes.Repeat([]byte{byte(i)}, 100_000*(i%4))
		var reply []byte
		err := client.Call("Arith.Echo", args, &reply)
		if err == nil && !bytes.Equal(reply, args) {
			err = fmt.Errorf("%d other bytes came back", len(reply))
		}
		return err
	})
}

func inParallel(calls int, call func(int) error) error {
	errs := make([]error, calls)
	var group sync.WaitGroup
	for i := 0; i < calls; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			errs[i] = call(i)
		}(i)
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
	}
	return nil
}

func panicIsAnError(client *rpc.Client) error {
	err := client.Call("Arith.Panic", service.Args{}, new(service.Reply))
	if _, ok := err.(rpc.ServerError); !ok {
		return fmt.Errorf("got %T %v, want a ServerError", err, err)
	}
	return add(client, 1, 2)
}

func callAfterClose(client *rpc.Client) error {
	return firstError(
		func() error { return add(client, 1, 2) },
		client.Close,
		func() error {
			return expect("error", client.Call("Arith.Add", service.Args{}, nil), rpc.ErrShutdown)
		},
		func() error { return expect("second close", client.Close(), rpc.ErrShutdown) },
	)
}
