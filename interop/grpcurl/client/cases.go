package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
)

const service = "grpc.testing.TestService"

var cases = []struct {
	name string
	run  func(*target) error
}{
	{"list", list},
	{"list_methods", listMethods},
	{"describe_service", describeService},
	{"describe_message", describeMessage},
	{"unary", unary},
	{"client_stream", clientStream},
	{"server_stream", serverStream},
	{"bidi_stream", bidiStream},
	{"error", status},
	{"unknown_symbol", unknownSymbol},
}

func list(t *target) error {
	text, err := t.grpcurl(nil, "list")
	if err != nil {
		return err
	}
	if t.files != "" {
		return holds(text, service)
	}
	return holds(text, service, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
}

func listMethods(t *target) error {
	text, err := t.grpcurl(nil, "list", service)
	if err != nil {
		return err
	}
	return holds(text, service+".UnaryCall", service+".FullDuplexCall", service+".EmptyCall")
}

func describeService(t *target) error {
	text, err := t.grpcurl(nil, "describe", service)
	if err != nil {
		return err
	}
	return holds(text,
		"rpc UnaryCall ( .grpc.testing.SimpleRequest ) returns ( .grpc.testing.SimpleResponse );",
		"rpc StreamingInputCall ( stream .grpc.testing.StreamingInputCallRequest ) returns ( .grpc.testing.StreamingInputCallResponse );",
		"rpc FullDuplexCall ( stream .grpc.testing.StreamingOutputCallRequest ) returns ( stream .grpc.testing.StreamingOutputCallResponse );",
	)
}

func describeMessage(t *target) error {
	text, err := t.grpcurl(nil, "describe", "grpc.testing.SimpleRequest")
	if err != nil {
		return err
	}
	return holds(text,
		"int32 response_size = 2;",
		".grpc.testing.Payload payload = 3;",
		".grpc.testing.EchoStatus response_status = 7;",
	)
}

func unary(t *target) error {
	request := `{"responseSize": 3, "payload": {"body": "AAAA"}}`
	replies, err := call(t, request, "UnaryCall")
	if err != nil {
		return err
	}
	return same(replies, `[{"payload": {"body": "AAAA"}}]`)
}

func clientStream(t *target) error {
	request := `{"payload": {"body": "AAAA"}} {"payload": {"body": "AA=="}}`
	replies, err := call(t, request, "StreamingInputCall")
	if err != nil {
		return err
	}
	return same(replies, `[{"aggregatedPayloadSize": 4}]`)
}

func serverStream(t *target) error {
	request := `{"responseParameters": [{"size": 1}, {"size": 2}]}`
	replies, err := call(t, request, "StreamingOutputCall")
	if err != nil {
		return err
	}
	return same(replies, `[{"payload": {"body": "AA=="}}, {"payload": {"body": "AAA="}}]`)
}

func bidiStream(t *target) error {
	request := `{"responseParameters": [{"size": 1}]} {"responseParameters": [{"size": 2}]}`
	replies, err := call(t, request, "FullDuplexCall")
	if err != nil {
		return err
	}
	return same(replies, `[{"payload": {"body": "AA=="}}, {"payload": {"body": "AAA="}}]`)
}

func status(t *target) error {
	request := `{"responseStatus": {"code": 2, "message": "on purpose"}}`
	if _, err := call(t, request, "UnaryCall"); err != nil {
		return holds(err.Error(), "Code: Unknown", "Message: on purpose")
	}
	return fmt.Errorf("the call did not fail")
}

func unknownSymbol(t *target) error {
	if _, err := t.grpcurl(nil, "describe", "grpc.testing.Nobody"); err != nil {
		return holds(err.Error(), "Symbol not found: grpc.testing.Nobody")
	}
	return fmt.Errorf("it was described")
}

// call returns the replies as grpcurl prints them.
func call(t *target, request, method string) (replies []any, err error) {
	text, err := t.grpcurl([]string{"-d", request}, service+"/"+method)
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(strings.NewReader(text)); ; {
		var reply any
		if err := decoder.Decode(&reply); err == io.EOF {
			return replies, nil
		} else if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
}

func same(replies []any, want string) error {
	var wanted []any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		return err
	}
	if !reflect.DeepEqual(replies, wanted) {
		return fmt.Errorf("got %v, want %v", replies, wanted)
	}
	return nil
}

func holds(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("no %q in %q", part, text)
		}
	}
	return nil
}
