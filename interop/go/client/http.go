package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/rpc"
	"regexp"
	"strings"

	"interop/service"
)

const (
	connectRequest = "CONNECT /_goRPC_ HTTP/1.0\n\n"
	connected      = "HTTP/1.0 200 Connected to Go RPC\n\n"
)

// httpCases are about what comes before gob, and about the page for people.
func httpCases() []testCase {
	return []testCase{
		{"http/connect_answer_to_the_byte", "", connectWith(connectRequest)},
		{"http/connect_1_1_with_host", "", connectWith("CONNECT /_goRPC_ HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n")},
		{"http/custom_path", "", func(s *server) error {
			client, err := rpc.DialHTTPPath("tcp", s.addresses["http"], "/custom/rpc")
			if err != nil {
				return err
			}
			defer client.Close()
			return syncCall(client)
		}},
		{"http/unknown_path", "", func(s *server) error {
			_, err := rpc.DialHTTPPath("tcp", s.addresses["http"], "/other")
			return expectErrorWith(err, "unexpected HTTP response: 404 Not Found")
		}},
		{"http/calls_sent_with_the_connect_are_kept", polywire, earlyBytes},
		{"http/get_on_the_rpc_path", "", wantPage("/_goRPC_", 405, "text/plain; charset=utf-8", "405 must CONNECT\n")},
		{"http/unknown_page", "", wantPage("/nothing", 404, "text/plain; charset=utf-8", "404 page not found\n")},
		{"http/debug_page", "", debugPage},
		{"http/head_in_pieces", "", headInPieces},
	}
}

func connectWith(request string) func(*server) error {
	return func(s *server) error {
		conn, err := s.raw("http")
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		answer := make([]byte, len(connected))
		_, err = io.ReadFull(conn, answer)
		return firstError(
			func() error { return err },
			func() error { return expect("answer", string(answer), connected) },
			func() error { return syncCall(rpc.NewClient(conn)) },
		)
	}
}

// earlyBytes does not wait for the 200, as Go's own client always does.
func earlyBytes(s *server) error {
	conn, err := s.raw("http")
	if err != nil {
		return err
	}
	defer conn.Close()
	stream := newStream(conn)
	stream.pending.WriteString(connectRequest)
	if err := stream.send("Arith.Add", 0, service.Args{A: 7, B: 8}); err != nil {
		return err
	}
	answer := make([]byte, len(connected))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	return errors.Join(expect("answer", string(answer), connected), stream.wantSum(0, 15))
}

func headInPieces(s *server) error {
	conn, err := s.raw("http")
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range connectRequest {
		if _, err := io.WriteString(conn, connectRequest[i:i+1]); err != nil {
			return err
		}
	}
	answer := make([]byte, len(connected))
	_, err = io.ReadFull(conn, answer)
	return errors.Join(err, expect("answer", string(answer), connected), syncCall(rpc.NewClient(conn)))
}

func get(s *server, path string) (*http.Response, string, error) {
	response, err := http.Get("http://" + s.addresses["http"] + path)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func wantPage(path string, status int, contentType, text string) func(*server) error {
	return func(s *server) error {
		response, body, err := get(s, path)
		if err != nil {
			return err
		}
		return errors.Join(
			expect("status", response.StatusCode, status),
			expect("content type", response.Header.Get("Content-Type"), contentType),
			expect("body", body, text))
	}
}

func debugPage(s *server) error {
	if err := with(overTCP, syncCall)(s); err != nil {
		return err
	}
	response, body, err := get(s, "/debug/rpc")
	if err != nil {
		return err
	}
	err = errors.Join(
		expect("status", response.StatusCode, 200),
		expect("content type", response.Header.Get("Content-Type"), "text/html; charset=utf-8"))
	if err != nil {
		return err
	}
	const head, tail = "<html>\n\t<body>\n\t<title>Services</title>\n\t", "\n\t</body>\n\t</html>"
	if !strings.HasPrefix(body, head) || !strings.HasSuffix(body, tail) {
		return fmt.Errorf("page begins or ends otherwise: %q", body)
	}
	last := -1
	for _, name := range []string{"Arith", "Builtin", "Types", "net.rpc.Arith", "newServer.Arith"} {
		title := "\n\t<hr>\n\tService " + name + "\n\t<hr>\n\t\t<table>\n\t\t<th align=center>Method</th><th align=center>Calls</th>\n\t\t"
		at := strings.Index(body, title)
		if at <= last {
			return fmt.Errorf("service %s is missing or out of order: %q", name, body)
		}
		last = at
	}
	// Go's types have their package in front, and an int in Rust says how long it is.
	rows := map[string]string{
		"Add":   `\(\*?([a-z]+\.)?Args, \*([a-z]+\.)?Reply\) error`,
		"Echo":  `\(\[\]uint8, \*\[\]uint8\) error`,
		"Map":   `\(int(64)?, \*map\[int(64)?\]int(64)?\) error`,
		"Slice": `\(int(64)?, \*\[\]int(64)?\) error`,
		"Array": `\(int(64)?, \*\[2\]int(64)?\) error`,
	}
	for name, signature := range rows {
		row := `\n\t\t\t<tr>\n\t\t\t<td align=left font=fixed>` + name + signature +
			`</td>\n\t\t\t<td align=center>\d+</td>\n\t\t\t</tr>\n\t\t`
		if !regexp.MustCompile(row).MatchString(body) {
			return fmt.Errorf("no row for %s: %q", name, body)
		}
	}
	add := regexp.MustCompile(`>Add[^<]*</td>\n\t\t\t<td align=center>(\d+)<`)
	if count := add.FindStringSubmatch(body); count == nil || count[1] == "0" {
		return fmt.Errorf("Arith.Add has been called, not %v times", count)
	}
	return nil
}
