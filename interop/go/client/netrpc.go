package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/rpc"
	"strings"
	"time"

	"interop/service"
)

func netrpcCases() []testCase {
	cases := onEveryTransport("tcp", overTCP)
	cases = append(cases, onEveryTransport("connect", overHTTP)...)
	if *certificates != "" {
		cases = append(cases, onEveryTransport("tls", overTLS)...)
	}
	for _, group := range [][]testCase{gobCases(), streamCases(), httpCases(), tlsCases(), robustnessCases()} {
		cases = append(cases, group...)
	}
	return cases
}

// gobCases are about values that only gob has, or reads in its own way.
func gobCases() []testCase {
	return []testCase{
		{"gob/wrong_argument_type_leaves_the_connection", "", with(overTCP, wrongType)},
		{"gob/fields_are_matched_by_name", "", with(overTCP, fieldsByName)},
		{"gob/unknown_fields_are_skipped", "", with(overTCP, unknownFields)},
		{"gob/interfaces_are_skipped", "", with(overTCP, interfacesSkipped)},
		{"gob/nested_interfaces_are_skipped", polywire, with(overTCP, nestedInterfaces)},
		{"gob/long_list", "", with(overTCP, longList)},
		{"gob/list_too_deep_is_an_error_of_the_call", polywire, with(overTCP, tooDeep)},
		{"gob/nan_reply", "", with(overTCP, nanReply)},
		{"gob/reply_into_fewer_fields", "", with(overTCP, fewerFields)},
		{"gob/reply_of_wrong_type_ends_only_this_client", "", wrongReplyType},
		{"gob/argument_that_cannot_be_encoded", "", unencodable},
	}
}

func wrongType(client *rpc.Client) error {
	reply := new(service.Reply)
	return firstError(
		// As in Go's own test: a struct without a common field.
		func() error {
			return refused(client, "Arith.Add", reply,
				"gob: type mismatch: no fields matched compiling decoder for Args")
		},
		func() error { return add(client, 1, 2) },
		func() error {
			return expectErrorWith(client.Call("Arith.Add", "text", reply), "gob: type mismatch")
		},
		func() error {
			err := client.Call("Arith.Add", struct{ A string }{"text"}, reply)
			return expectErrorWith(err, "gob: wrong type (int) for received field .A")
		},
		func() error {
			err := client.Call("Arith.Add", struct{ A uint }{1}, reply)
			return expectErrorWith(err, "gob: wrong type (int) for received field .A")
		},
		func() error {
			return expectErrorWith(client.Call("Arith.Scan", 1, reply), "gob: decoding into local type")
		},
		func() error {
			return expectErrorWith(client.Call("Builtin.Map", []int{1}, nil), "gob: decoding into local type")
		},
		func() error {
			err := client.Call("Types.Echo", struct{ Fixed [3]uint16 }{}, nil)
			return expectErrorWith(err, "gob: wrong type ([4]uint16) for received field .Fixed")
		},
		func() error { return add(client, 1, 2) },
	)
}

func fieldsByName(client *rpc.Client) error {
	var reply service.Reply
	err := firstError(
		func() error { return client.Call("Arith.Add", struct{ B, A int16 }{7, 8}, &reply) },
		func() error { return expect("reordered", reply.C, 15) },
	)
	reply = service.Reply{}
	return errors.Join(err,
		client.Call("Arith.Add", struct{ B int }{7}, &reply),
		expect("one missing", reply.C, 7))
}

func unknownFields(client *rpc.Client) error {
	args := struct {
		Before *service.Many
		A      int
		Number *big.Int
		B      int
		When   time.Time
		After  []map[string][2]float64
	}{A: 7, Number: big.NewInt(-5), B: 8, When: time.Now(), After: []map[string][2]float64{{"x": {1, 2}}}}
	full := service.Full()
	args.Before = &full
	for round := 0; round < 2; round++ {
		var reply service.Reply
		err := client.Call("Arith.Add", args, &reply)
		if err := errors.Join(err, expect("reply", reply.C, 15)); err != nil {
			return err
		}
	}
	return add(client, 1, 2)
}

// interfacesSkipped sends values that define types of their own inside a field the server skips.
func interfacesSkipped(client *rpc.Client) error {
	return sumsWith(client, nil, 5, "text", service.Point{X: 1}, []int{1, 2}, &service.Tree{Name: "t"}, service.Point{X: 2})
}

// nestedInterfaces is what Go's own decoder loses its way in.
func nestedInterfaces(client *rpc.Client) error {
	inner := service.AnyReply{A: 1, X: service.Point{X: 1}, B: 2}
	return sumsWith(client, service.AnyReply{X: inner}, service.AnyReply{X: service.AnyReply{X: &service.Tree{Name: "t"}}}, inner)
}

func sumsWith(client *rpc.Client, values ...any) error {
	for _, value := range values {
		var reply service.Reply
		err := client.Call("Arith.Add", service.AnyReply{A: 7, X: value, B: 8}, &reply)
		if err := errors.Join(err, expect("reply", reply.C, 15)); err != nil {
			return fmt.Errorf("with %T: %w", value, err)
		}
		if err := add(client, 1, 2); err != nil {
			return fmt.Errorf("after %T: %w", value, err)
		}
	}
	return nil
}

func longList(client *rpc.Client) error {
	var reply service.List
	err := client.Call("Types.List", service.Chain(listLength), &reply)
	return errors.Join(err, equal("list", &reply, service.Chain(listLength)))
}

// listLength stays below the depth of values that polywire takes unless told otherwise.
const listLength = 90

// tooDeep would take a megabyte of stack or so to decode; Go does, for as long as it has memory.
func tooDeep(client *rpc.Client) error {
	return firstError(
		func() error {
			err := client.Call("Types.List", service.Chain(9000), nil)
			return expectErrorWith(err, "limit")
		},
		func() error { return add(client, 1, 2) },
	)
}

func nanReply(client *rpc.Client) error {
	var reply float64
	if err := client.Call("Arith.NotANumber", service.Args{}, &reply); err != nil {
		return err
	}
	if reply == reply {
		return fmt.Errorf("got %v, want NaN", reply)
	}
	return nil
}

func fewerFields(client *rpc.Client) error {
	var reply struct {
		Text  string
		Other int
	}
	err := client.Call("Types.Echo", service.Full(), &reply)
	return errors.Join(err, expect("Text", reply.Text, service.Full().Text), add(client, 1, 2))
}

// wrongReplyType leaves Go's client dead; the server and its other clients do not notice.
func wrongReplyType(s *server) error {
	return with(overTCP, func(neighbour *rpc.Client) error {
		err := with(overTCP, func(client *rpc.Client) error {
			err := client.Call("Arith.Add", service.Args{A: 1}, new(string))
			return expectErrorWith(err, "reading body gob: decoding into local type *string")
		})(s)
		return errors.Join(err, add(neighbour, 1, 2))
	})(s)
}

// unencodable runs into a known fault of Go's client: it leaves the header of the call that it
// could not encode in its buffer, so its stream is one value out of step. The server must end this
// connection and no other.
func unencodable(s *server) error {
	return with(overTCP, func(neighbour *rpc.Client) error {
		err := with(overTCP, func(client *rpc.Client) error {
			return firstError(
				func() error {
					err := client.Call("Arith.Add", make(chan int), new(service.Reply))
					return expectErrorWith(err, "gob")
				},
				func() error {
					err := client.Call("Arith.Add", service.Args{A: 1}, new(service.Reply))
					return expectIs(err, io.ErrUnexpectedEOF)
				},
				func() error { return expectIs(client.Call("Arith.Add", service.Args{}, nil), rpc.ErrShutdown) },
			)
		})(s)
		return errors.Join(err, add(neighbour, 1, 2), with(overTCP, syncCall)(s))
	})(s)
}

// tlsCases are about the handshake; calls over TLS are among those of every transport.
func tlsCases() []testCase {
	if *certificates == "" {
		return nil
	}
	return []testCase{
		{"tls/unknown_authority_is_refused", "", func(s *server) error {
			_, err := tls.Dial("tcp", s.addresses["tls"], &tls.Config{RootCAs: x509.NewCertPool()})
			return errors.Join(expectErrorWith(err, "unknown authority"), with(overTLS, syncCall)(s))
		}},
		{"tls/connect_inside", polywire, func(s *server) error {
			conn, err := s.tls("ca.pem")
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, connectRequest); err != nil {
				return err
			}
			answer := make([]byte, len(connected))
			if _, err := io.ReadFull(conn, answer); err != nil {
				return err
			}
			return errors.Join(expect("answer", string(answer), connected), syncCall(rpc.NewClient(conn)))
		}},
		{"tls/plain_text_to_a_tls_port_is_no_call", goPeer, func(s *server) error {
			client, err := rpc.Dial("tcp", s.addresses["tls"])
			if err != nil {
				return err
			}
			defer client.Close()
			if err := add(client, 1, 2); err == nil {
				return errors.New("the call went through")
			}
			return with(overTLS, syncCall)(s)
		}},
	}
}

// contains is bytes.Contains with an error.
func contains(what string, got []byte, part string) error {
	if !bytes.Contains(got, []byte(part)) {
		return fmt.Errorf("%s: %q has no %q", what, strings.TrimSpace(string(got)), part)
	}
	return nil
}
