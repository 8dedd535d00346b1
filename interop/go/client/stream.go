package main

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"time"

	"interop/service"
)

// streamCases go below Go's client: they are about the order and the ends of what is sent.
func streamCases() []testCase {
	return []testCase{
		{"stream/byte_by_byte", "", onStream(byteByByte)},
		{"stream/calls_in_one_segment", "", onStream(oneSegment)},
		{"stream/any_number_is_echoed", "", onStream(anyNumber)},
		{"stream/header_of_another_shape", "", onStream(otherHeader)},
		{"stream/number_of_the_wrong_type", "", onStream(wrongNumber)},
		{"stream/half_close_with_a_call_running", "", onStream(halfClose)},
		{"stream/half_close_with_many_calls_running", "", onStream(halfCloseMany)},
		{"stream/header_then_end", "", onStream(headerThenEnd)},
		{"stream/header_for_an_unknown_service_then_end", polywire, onStream(unknownThenEnd("EOF"))},
		{"stream/header_for_an_unknown_service_then_end", goPeer, onStream(unknownThenEnd("rpc: can't find service No.Such"))},
		{"stream/end_inside_a_body", "", onStream(endInsideBody)},
		{"stream/end_at_once", "", onStream(func(s *stream) error { return s.wantEnd() })},
		{"stream/message_of_length_zero", "", onStream(closedAfter("00"))},
		{"stream/message_too_long", "", onStream(closedAfter("f801000000000000ff"))},
		{"stream/message_over_the_limit", polywire, onStream(closedAfter("fc08000000"))},
		{"stream/type_defined_twice_in_a_body", "", onStream(definedTwice)},
		{"stream/captured_go_1_19_call", "", onStream(captured)},
	}
}

// stream is one connection with its two gob streams and nothing else of net/rpc.
type stream struct {
	conn    *net.TCPConn
	pending bytes.Buffer
	encoder *gob.Encoder
	decoder *gob.Decoder
}

func newStream(conn *net.TCPConn) *stream {
	s := &stream{conn: conn, decoder: gob.NewDecoder(conn)}
	s.encoder = gob.NewEncoder(&s.pending)
	return s
}

func onStream(run func(*stream) error) func(*server) error {
	return func(s *server) error {
		conn, err := s.raw("tcp")
		if err != nil {
			return err
		}
		defer conn.Close()
		return run(newStream(conn))
	}
}

// encode puts values behind those that wait to be sent.
func (s *stream) encode(values ...any) error {
	for _, value := range values {
		if err := s.encoder.Encode(value); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) flush() error {
	_, err := s.pending.WriteTo(s.conn)
	return err
}

func (s *stream) send(method string, seq uint64, args any) error {
	if err := s.encode(rpc.Request{ServiceMethod: method, Seq: seq}, args); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) want(seq uint64, text string, body any) error {
	var header rpc.Response
	if err := s.decoder.Decode(&header); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	err := errors.Join(expect("number", header.Seq, seq), expect("error", header.Error, text))
	if err != nil {
		return err
	}
	if err := s.decoder.Decode(body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *stream) wantSum(seq uint64, sum int) error {
	var reply service.Reply
	err := s.want(seq, "", &reply)
	return errors.Join(err, expect("sum", reply.C, sum))
}

func (s *stream) wantError(seq uint64, text string) error {
	return s.want(seq, text, &struct{}{})
}

// wantClosed expects the server to close, with a reset or without.
func (s *stream) wantClosed() error {
	var header rpc.Response
	err := s.decoder.Decode(&header)
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("the connection is open: %v, %+v", err, header)
	}
	return nil
}

// wantEnd closes this side and expects the server to close the other without a word more.
func (s *stream) wantEnd() error {
	return errors.Join(s.conn.CloseWrite(), s.wantNoMore())
}

func (s *stream) wantNoMore() error {
	var header rpc.Response
	if err := s.decoder.Decode(&header); err != io.EOF {
		return fmt.Errorf("got %v, %+v instead of the end", err, header)
	}
	return nil
}

func byteByByte(s *stream) error {
	args := service.Args{A: 7, B: 8}
	for seq := uint64(0); seq < 3; seq++ {
		err := s.encode(rpc.Request{ServiceMethod: "Arith.Add", Seq: seq}, args)
		if err != nil {
			return err
		}
		for _, b := range s.pending.Bytes() {
			if _, err := s.conn.Write([]byte{b}); err != nil {
				return err
			}
		}
		s.pending.Reset()
		if err := s.wantSum(seq, 15); err != nil {
			return err
		}
	}
	return nil
}

func oneSegment(s *stream) error {
	const calls = 50
	for seq := uint64(0); seq < calls; seq++ {
		args := service.Args{A: int(seq), B: 1}
		if err := s.encode(rpc.Request{ServiceMethod: "Arith.Add", Seq: seq}, args); err != nil {
			return err
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	sums := map[uint64]int{}
	for len(sums) < calls {
		var header rpc.Response
		var reply service.Reply
		if err := errors.Join(s.decoder.Decode(&header), s.decoder.Decode(&reply)); err != nil {
			return err
		}
		sums[header.Seq] = reply.C
	}
	for seq, sum := range sums {
		if err := expect("sum", sum, int(seq)+1); err != nil {
			return err
		}
	}
	return s.wantEnd()
}

// anyNumber repeats a number and leaves gaps: the client alone gives it a meaning.
func anyNumber(s *stream) error {
	for _, seq := range []uint64{5, 5, 0, 1<<64 - 1, 1, 300} {
		if err := s.send("Arith.Add", seq, service.Args{A: 7, B: 8}); err != nil {
			return err
		}
		if err := s.wantSum(seq, 15); err != nil {
			return fmt.Errorf("number %d: %w", seq, err)
		}
	}
	return nil
}

func otherHeader(s *stream) error {
	header := struct {
		Extra         map[string]service.Point
		Seq           uint16
		ServiceMethod string
		Another       []service.Tree
	}{map[string]service.Point{"x": {X: 1}}, 9, "Arith.Add", []service.Tree{{Name: "t"}}}
	for round := 0; round < 2; round++ {
		if err := errors.Join(s.encode(header, service.Args{A: 7, B: 8}), s.flush()); err != nil {
			return err
		}
		if err := s.wantSum(9, 15); err != nil {
			return err
		}
	}
	return nil
}

func wrongNumber(s *stream) error {
	header := struct {
		ServiceMethod string
		Seq           int
	}{"Arith.Add", 9}
	if err := errors.Join(s.encode(header, service.Args{}), s.flush()); err != nil {
		return err
	}
	return s.wantClosed()
}

func halfClose(s *stream) error {
	if err := s.send("Arith.SleepMilli", 3, service.Args{A: 200}); err != nil {
		return err
	}
	if err := s.conn.CloseWrite(); err != nil {
		return err
	}
	return errors.Join(s.wantSum(3, 200), s.wantNoMore())
}

func halfCloseMany(s *stream) error {
	for seq := uint64(1); seq <= 20; seq++ {
		args := service.Args{A: int(seq) * 10}
		if err := s.send("Arith.SleepMilli", seq, args); err != nil {
			return err
		}
	}
	if err := s.conn.CloseWrite(); err != nil {
		return err
	}
	for seq := uint64(1); seq <= 20; seq++ {
		if err := s.wantSum(seq, int(seq)*10); err != nil {
			return err
		}
	}
	return s.wantNoMore()
}

func headerThenEnd(s *stream) error {
	err := errors.Join(s.encode(rpc.Request{ServiceMethod: "Arith.Add", Seq: 4}), s.flush(), s.conn.CloseWrite())
	return errors.Join(err, s.wantError(4, "EOF"), s.wantNoMore())
}

func unknownThenEnd(text string) func(*stream) error {
	return func(s *stream) error {
		err := errors.Join(s.encode(rpc.Request{ServiceMethod: "No.Such", Seq: 4}), s.flush(), s.conn.CloseWrite())
		return errors.Join(err, s.wantError(4, text), s.wantNoMore())
	}
}

func endInsideBody(s *stream) error {
	err := s.encode(rpc.Request{ServiceMethod: "Arith.Add", Seq: 4}, service.Args{A: 7, B: 8})
	if err != nil {
		return err
	}
	s.pending.Truncate(s.pending.Len() - 2)
	err = errors.Join(s.flush(), s.conn.CloseWrite())
	return errors.Join(err, s.wantError(4, "unexpected EOF"), s.wantNoMore())
}

// closedAfter makes a call, sends bytes that are no gob, and expects the end.
func closedAfter(text string) func(*stream) error {
	return func(s *stream) error {
		if err := s.send("Arith.Add", 0, service.Args{A: 7, B: 8}); err != nil {
			return err
		}
		if err := s.wantSum(0, 15); err != nil {
			return err
		}
		broken, err := hex.DecodeString(text)
		if err != nil {
			return err
		}
		if _, err := s.conn.Write(broken); err != nil {
			return err
		}
		return s.wantClosed()
	}
}

// definedTwice starts a second encoder on the stream, the usual fault of hand-written peers.
func definedTwice(s *stream) error {
	if err := s.send("Arith.Add", 0, service.Args{A: 7, B: 8}); err != nil {
		return err
	}
	if err := s.wantSum(0, 15); err != nil {
		return err
	}
	err := s.encode(rpc.Request{ServiceMethod: "Arith.Add", Seq: 1})
	second := gob.NewEncoder(&s.pending)
	err = errors.Join(err, second.Encode(service.Args{A: 7, B: 8}), s.flush())
	if err != nil {
		return err
	}
	return errors.Join(s.wantError(1, "gob: duplicate type received"), s.wantClosed())
}

// captured sends what a program built with Go 1.19 sent, whose type ids start at 65.
func captured(s *stream) error {
	const calls = "2fff81030101075265717565737401ff82000102010d536572766963654d6574686f64010c00010353657101060000000eff82010941726974682e416464001eff83030101044172677301ff84000102010141010400010142010400000007ff84010e011000" +
		"10ff82010941726974682e41646401010007ff840102010400"
	sent, err := hex.DecodeString(calls)
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(sent); err != nil {
		return err
	}
	sums := map[uint64]int{}
	for i := 0; i < 2; i++ {
		var header rpc.Response
		var reply service.Reply
		if err := errors.Join(s.decoder.Decode(&header), s.decoder.Decode(&reply)); err != nil {
			return err
		}
		sums[header.Seq] = reply.C
	}
	return errors.Join(equal("sums", sums, map[uint64]int{0: 15, 1: 3}), s.wantEnd())
}

// pause is long enough for a server to read what came before, and short enough to be done often.
const pause = 50 * time.Millisecond
