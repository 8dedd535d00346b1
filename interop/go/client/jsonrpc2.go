package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
)

// version2Cases are JSON-RPC 2.0 on the same connection, which Go's own packages do not speak. What
// comes back is read by encoding/json and compared in its sorted form.
func version2Cases() []testCase {
	failure := func(id string, code int) string {
		return fmt.Sprintf(`{"error":{"code":%d},"id":%s,"jsonrpc":"2.0"}`, code, id)
	}
	cases := []testCase{}
	for _, e := range []exchange{
		{name: "named_params", sent: `{"jsonrpc":"2.0","method":"Arith.Add","params":{"a":7,"b":8},"id":1}`,
			want: []string{`{"id":1,"jsonrpc":"2.0","result":{"c":15}}`}},
		{name: "one_param_by_position", sent: `{"jsonrpc":"2.0","method":"Arith.Add","params":[{"a":7,"b":8}],"id":"x"}`,
			want: []string{`{"id":"x","jsonrpc":"2.0","result":{"c":15}}`}},
		{name: "no_params", sent: `{"jsonrpc":"2.0","method":"Builtin.Nothing","id":2}`,
			want: []string{`{"id":2,"jsonrpc":"2.0","result":null}`}},
		{name: "id_null_is_a_call", sent: `{"jsonrpc":"2.0","method":"Builtin.Array","params":[7],"id":null}`,
			want: []string{`{"id":null,"jsonrpc":"2.0","result":[7,14]}`}},
		{name: "notification", sent: `{"jsonrpc":"2.0","method":"Arith.Add","params":{"a":7,"b":8}}`},
		{name: "notification_of_nothing", sent: `{"jsonrpc":"2.0","method":"No.Such"}`},
		{name: "batch", sent: `[{"jsonrpc":"2.0","method":"Builtin.Array","params":[7],"id":1},{"jsonrpc":"2.0","method":"Builtin.Array","params":[7]},{"jsonrpc":"2.0","method":"Arith.Div","params":{"a":1,"b":0},"id":2},{"jsonrpc":"2.0","method":"No.Such","id":3},1]`,
			want: []string{`[` + failure("2", -32002) + `,` + failure("3", -32601) + `,` + failure("null", -32600) + `,{"id":1,"jsonrpc":"2.0","result":[7,14]}]`}},
		{name: "batch_of_slow_and_fast", sent: `[{"jsonrpc":"2.0","method":"Arith.SleepMilli","params":{"a":100,"b":0},"id":1},{"jsonrpc":"2.0","method":"Arith.SleepMilli","params":{"a":0,"b":0},"id":2}]`,
			want: []string{`[{"id":1,"jsonrpc":"2.0","result":{"c":100}},{"id":2,"jsonrpc":"2.0","result":{"c":0}}]`}},
		{name: "batch_of_notifications", sent: `[{"jsonrpc":"2.0","method":"Builtin.Nothing"},{"jsonrpc":"2.0","method":"No.Such"}]`},
		{name: "batch_empty", sent: `[]`, want: []string{failure("null", -32600)}},
		{name: "unknown_method", sent: `{"jsonrpc":"2.0","method":"No.Such","id":1}`, want: []string{failure("1", -32601)}},
		{name: "method_without_a_dot", sent: `{"jsonrpc":"2.0","method":"nodot","id":1}`, want: []string{failure("1", -32601)}},
		{name: "no_method", sent: `{"jsonrpc":"2.0","id":1}`, want: []string{failure("null", -32600)}},
		{name: "id_object", sent: `{"jsonrpc":"2.0","method":"Builtin.Nothing","id":{}}`, want: []string{failure("null", -32600)}},
		{name: "argument_of_wrong_type", sent: `{"jsonrpc":"2.0","method":"Arith.Add","params":{"a":"text","b":8},"id":1}`, want: []string{failure("1", -32602)}},
		{name: "params_text", sent: `{"jsonrpc":"2.0","method":"Arith.Add","params":"text","id":1}`, want: []string{failure("1", -32602)}},
		{name: "panic", sent: `{"jsonrpc":"2.0","method":"Arith.Panic","params":{"a":1,"b":2},"id":1}`, want: []string{failure("1", -32603)}},
		{name: "method_error", sent: `{"jsonrpc":"2.0","method":"Arith.Div","params":{"a":1,"b":0},"id":1}`, want: []string{failure("1", -32002)}},
		{name: "malformed", sent: `{"jsonrpc":"2.0","method":"Arith.Add",,}`, want: []string{failure("null", -32700)}, closed: true},
		{name: "mixed_with_1_0", sent: `{"jsonrpc":"2.0","method":"Builtin.Array","params":[1],"id":1}{"method":"Builtin.Array","params":[1],"id":1}`,
			want: []string{`{"id":1,"jsonrpc":"2.0","result":[1,2]}`, `{"error":null,"id":1,"result":[1,2]}`}},
	} {
		cases = append(cases, testCase{"v2/" + e.name, polywire, e.runSorted})
	}
	return cases
}

// runSorted is run for answers whose order of members and of elements does not matter.
func (e exchange) runSorted(s *server) error {
	conn, err := s.raw("jsonrpc")
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, e.sent); err != nil {
		return err
	}
	lines := bufio.NewReader(conn)
	want := []string{}
	for _, line := range e.want {
		text, err := sorted([]byte(line))
		if err != nil {
			return err
		}
		want = append(want, text)
	}
	if !e.closed {
		const probe = `{"jsonrpc":"2.0","method":"Builtin.Array","params":[5],"id":"probe"}`
		if _, err := io.WriteString(conn, probe); err != nil {
			return err
		}
		want = append(want, `{"id":"probe","jsonrpc":"2.0","result":[5,10]}`)
	}
	got := []string{}
	for range want {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("%w after %q, want %s", err, line, want)
		}
		text, err := sorted(line)
		if err != nil {
			return err
		}
		got = append(got, text)
	}
	// Calls run side by side, so the probe may be first.
	sort.Strings(got)
	sort.Strings(want)
	if err := expect("lines", strings.Join(got, "\n"), strings.Join(want, "\n")); err != nil || !e.closed {
		return err
	}
	_, err = lines.ReadByte()
	return expect("then", err, io.EOF)
}

// sorted orders members by name and elements by text. Of an error it leaves the code.
func sorted(line []byte) (string, error) {
	var batch []map[string]any
	if line[0] == '[' {
		if err := json.Unmarshal(line, &batch); err != nil {
			return "", err
		}
	} else {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			return "", err
		}
		batch = append(batch, one)
	}
	texts := []string{}
	for _, answer := range batch {
		if failure, ok := answer["error"].(map[string]any); ok {
			answer["error"] = map[string]any{"code": failure["code"]}
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return "", err
		}
		texts = append(texts, string(text))
	}
	if line[0] != '[' {
		return texts[0], nil
	}
	sort.Strings(texts)
	return "[" + strings.Join(texts, ",") + "]", nil
}
