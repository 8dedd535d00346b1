package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"strings"

	"interop/service"
)

func jsonrpcCases() []testCase {
	cases := onEveryTransport("tcp", overJSON)
	if *certificates != "" && *peer == polywire {
		cases = append(cases, onEveryTransport("tls", overJSONAndTLS)...)
	}
	cases = append(cases,
		testCase{"wrong_argument_type_leaves_the_connection", "", with(overJSON, jsonWrongType)},
		testCase{"reply_that_is_no_json_is_an_error", polywire, with(overJSON, jsonNotANumber)},
		testCase{"empty_slice_reply", polywire, with(overJSON, jsonEmptySlice)},
	)
	for _, group := range [][]testCase{version1Cases(), version2Cases()} {
		cases = append(cases, group...)
	}
	return append(cases,
		testCase{"any_id_is_echoed", "", anyID},
		testCase{"random_bytes_are_closed_on", "", besideNeighbour("jsonrpc", randomBytes)},
		testCase{"byte_by_byte", "", jsonByteByByte},
		testCase{"half_close_with_a_call_running", "", jsonHalfClose},
	)
}

func jsonWrongType(client *rpc.Client) error {
	return firstError(
		func() error {
			err := client.Call("Arith.Add", struct{ A string }{"text"}, new(service.Reply))
			return expectErrorWith(err, "json: cannot unmarshal string into Go struct field")
		},
		func() error { return add(client, 1, 2) },
		func() error {
			return expectErrorWith(client.Call("Arith.Scan", 1, new(service.Reply)), "json: cannot unmarshal number into Go")
		},
		func() error { return add(client, 1, 2) },
	)
}

func jsonNotANumber(client *rpc.Client) error {
	err := client.Call("Arith.NotANumber", service.Args{}, new(float64))
	if _, ok := err.(rpc.ServerError); !ok {
		return fmt.Errorf("got %T %v, want a ServerError", err, err)
	}
	return add(client, 1, 2)
}

// jsonEmptySlice would break Go's client if the answer were null, as a nil slice's is in Go.
func jsonEmptySlice(client *rpc.Client) error {
	var reply []int
	err := client.Call("Builtin.Slice", 0, &reply)
	if err == nil && reply == nil {
		err = errors.New("the slice is nil")
	}
	return errors.Join(err, expect("elements", len(reply), 0), add(client, 1, 2))
}

// An exchange is bytes and the lines that come back for them, after which the connection lives or,
// if it says so, is closed.
type exchange struct {
	name, peer, sent string
	want             []string
	closed           bool
}

// version1Cases are the table of JSON-RPC as Go's server reads it.
func version1Cases() []testCase {
	const missing = "jsonrpc: request body missing params"
	const object = "json: cannot unmarshal object into Go value of type [1]interface {}"
	sum := func(id string) []string { return []string{`{"id":` + id + `,"result":{"C":15},"error":null}`} }
	failure := func(id, text string) []string {
		return []string{`{"id":` + id + `,"result":null,"error":"` + text + `"}`}
	}
	cases := []testCase{}
	for _, e := range []exchange{
		{name: "call", sent: `{"method":"Arith.Add","params":[{"A":7,"B":8}],"id":0}`, want: sum("0")},
		{name: "two_calls_without_a_gap", sent: `{"method":"Arith.Add","params":[{"A":7,"B":8}],"id":1}{"method":"Arith.Add","params":[{"A":7,"B":8}],"id":1}`,
			want: []string{sum("1")[0], sum("1")[0]}},
		{name: "blanks_everywhere", sent: " \r\n\t{ \"method\" : \"Arith.Add\" ,\n\"params\":[ {\"A\" : 7,\t\"B\":8 } ] , \"id\": 2 }\n", want: sum("2")},
		{name: "id_null", sent: `{"method":"Arith.Add","params":[{"A":7,"B":8}],"id":null}`, want: sum("null")},
		{name: "id_missing", sent: `{"method":"Arith.Add","params":[{"A":7,"B":8}]}`, want: sum("null")},
		{name: "empty_object", sent: `{}`, want: failure("null", "rpc: service/method request ill-formed: ")},
		{name: "method_missing", sent: `{"params":[{}],"id":3}`, want: failure("3", "rpc: service/method request ill-formed: ")},
		{name: "method_null", sent: `{"method":null,"params":[{}],"id":3}`, want: failure("3", "rpc: service/method request ill-formed: ")},
		{name: "method_without_a_dot", sent: `{"method":"nodot","params":[{}],"id":3}`, want: failure("3", "rpc: service/method request ill-formed: nodot")},
		{name: "method_number", sent: `{"method":5,"params":[{}],"id":3}`, closed: true},
		{name: "unknown_service", sent: `{"method":"No.Such","params":[{}],"id":3}`, want: failure("3", "rpc: can't find service No.Such")},
		{name: "unknown_method", sent: `{"method":"Arith.Such","params":[{}],"id":3}`, want: failure("3", "rpc: can't find method Arith.Such")},
		{name: "params_missing", sent: `{"method":"Arith.Add","id":4}`, want: failure("4", missing)},
		{name: "params_null", sent: `{"method":"Arith.Add","params":null,"id":4}`, want: failure("4", missing)},
		{name: "params_empty", sent: `{"method":"Arith.Add","params":[],"id":4}`, want: []string{`{"id":4,"result":{"C":0},"error":null}`}},
		{name: "params_of_null", sent: `{"method":"Arith.Add","params":[null],"id":4}`, want: []string{`{"id":4,"result":{"C":0},"error":null}`}},
		{name: "params_in_excess", sent: `{"method":"Arith.Add","params":[{"A":7,"B":8},{"A":1},3],"id":4}`, want: sum("4")},
		{name: "params_object", sent: `{"method":"Arith.Add","params":{"A":7},"id":4}`, want: failure("4", object)},
		{name: "argument_with_unknown_and_other_case_members", sent: `{"method":"Arith.Add","params":[{"a":7,"b":8,"c":[{}]}],"id":4}`, want: sum("4")},
		{name: "members_in_other_cases", sent: `{"METHOD":"Arith.Add","Params":[{"A":7,"B":8}],"Id":5}`, want: sum("5")},
		{name: "members_unknown", sent: `{"jsonrpc":"1.0","method":"Arith.Add","params":[{"A":7,"B":8}],"id":5,"x":{"y":[1]}}`, want: sum("5")},
		{name: "members_twice", sent: `{"method":"No.Such","method":"Arith.Add","params":[{"A":7,"B":8}],"id":4,"id":5}`, want: sum("5")},
		{name: "method_error", sent: `{"method":"Arith.Div","params":[{"A":7}],"id":6}`, want: failure("6", "divide by zero")},
		{name: "text_escaped_as_go_does", sent: `{"method":"No.<&>\u2028","params":[{}],"id":"<"}`, want: failure(`"\u003c"`, `rpc: can't find service No.\u003c\u0026\u003e\u2028`)},
		{name: "malformed", sent: `{"method":"Arith.Add",,}`, closed: true},
		{name: "text_that_is_no_object", sent: `"Arith.Add" `, closed: true},
		{name: "name_without_quotes", sent: `{id:1}`, closed: true},
		{name: "empty_error_is_success", peer: goPeer, sent: `{"method":"Arith.EmptyError","params":[{"A":7}],"id":6}`, want: []string{`{"id":6,"result":{"C":7},"error":null}`}},
		{name: "malformed_after_a_call_that_runs", sent: `{"method":"Arith.SleepMilli","params":[{"A":50}],"id":7}` + "x", want: []string{`{"id":7,"result":{"C":50},"error":null}`}, closed: true},
		{name: "too_deep", peer: polywire, sent: strings.Repeat(`{"a":`, 600), closed: true},
		{name: "bytes_as_base64", sent: `{"method":"Arith.Echo","params":["AP8+/w=="],"id":8}`, want: []string{`{"id":8,"result":"AP8+/w==","error":null}`}},
	} {
		cases = append(cases, testCase{"v1/" + e.name, e.peer, e.run})
	}
	return cases
}

// run makes the exchange, then a call to show that the connection lives, unless it should not.
func (e exchange) run(s *server) error {
	conn, err := s.raw("jsonrpc")
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, e.sent); err != nil {
		return err
	}
	lines := bufio.NewReader(conn)
	for _, want := range e.want {
		if err := wantLine(lines, want); err != nil {
			return err
		}
	}
	if e.closed {
		line, err := lines.ReadString('\n')
		var timeout net.Error
		if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			return fmt.Errorf("the connection is open: %q, %v", line, err)
		}
		return expect("what came before the end", line, "")
	}
	const probe = `{"method":"Arith.Add","params":[{"A":1,"B":2}],"id":"probe"}`
	if _, err := io.WriteString(conn, probe); err != nil {
		return err
	}
	return wantLine(lines, `{"id":"probe","result":{"C":3},"error":null}`)
}

func wantLine(lines *bufio.Reader, want string) error {
	line, err := lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%w after %q, want %s", err, line, want)
	}
	return expect("line", strings.TrimSuffix(line, "\n"), want)
}

func anyID(s *server) error {
	for id, want := range map[string]string{
		`0`:                                      `0`,
		`-7`:                                     `-7`,
		`1.50`:                                   `1.50`,
		`1e3`:                                    `1e3`,
		`18446744073709551616`:                   `18446744073709551616`,
		`123456789012345678901234567890.000`:     `123456789012345678901234567890.000`,
		`"text"`:                                 `"text"`,
		`""`:                                     `""`,
		`"\u0000\u001f\"\\"`:                     `"\u0000\u001f\"\\"`,
		`"<&>"`:                                  `"\u003c\u0026\u003e"`,
		`"gr\u00fc\u00df"`:                       `"gr\u00fc\u00df"`,
		`"grüß"`:                                 `"grüß"`,
		`{"x" : [1, 2]}`:                         `{"x":[1,2]}`,
		`[]`:                                     `[]`,
		`true`:                                   `true`,
		`false`:                                  `false`,
		`"` + strings.Repeat("long", 5000) + `"`: `"` + strings.Repeat("long", 5000) + `"`,
	} {
		e := exchange{
			sent: `{"method":"Arith.Add","params":[{"A":7,"B":8}],"id":` + id + `}`,
			want: []string{`{"id":` + want + `,"result":{"C":15},"error":null}`},
		}
		if err := e.run(s); err != nil {
			return fmt.Errorf("id %s: %w", shorten(id), err)
		}
	}
	return nil
}

func jsonByteByByte(s *server) error {
	conn, err := s.raw("jsonrpc")
	if err != nil {
		return err
	}
	defer conn.Close()
	call, err := json.Marshal(map[string]any{"method": "Arith.String", "params": []any{service.Args{A: 7, B: 8}}, "id": 1})
	if err != nil {
		return err
	}
	for _, b := range call {
		if _, err := conn.Write([]byte{b}); err != nil {
			return err
		}
	}
	return wantLine(bufio.NewReader(conn), `{"id":1,"result":"7+8=15","error":null}`)
}

func jsonHalfClose(s *server) error {
	conn, err := s.raw("jsonrpc")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, `{"method":"Arith.SleepMilli","params":[{"A":200}],"id":1}`)
	if err := errors.Join(err, conn.CloseWrite()); err != nil {
		return err
	}
	lines := bufio.NewReader(conn)
	if err := wantLine(lines, `{"id":1,"result":{"C":200},"error":null}`); err != nil {
		return err
	}
	_, err = lines.ReadByte()
	return expect("then", err, io.EOF)
}
