package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/rpc"
	"time"

	"interop/service"
)

// robustnessCases are about peers that are broken or gone, and those beside them.
func robustnessCases() []testCase {
	return []testCase{
		{"robust/random_bytes_are_closed_on", "", besideNeighbour("tcp", randomBytes)},
		{"robust/bytes_of_no_protocol_are_closed_on_at_once", polywire, besideNeighbour("tcp", noProtocol)},
		{"robust/random_bytes_after_a_call", "", besideNeighbour("tcp", randomAfterCall)},
		{"robust/slow_header", "", besideNeighbour("tcp", slowHeader)},
		{"robust/slow_connect", "", besideNeighbour("http", slowConnect)},
		{"robust/gone_with_calls_running", "", besideNeighbour("tcp", goneWithCalls)},
		{"robust/reader_that_does_not_read", "", besideNeighbour("tcp", doesNotRead)},
		{"robust/many_connections", "", manyConnections},
		{"robust/server_killed_and_started_again", "", killedAndStarted},
		{"robust/server_told_to_stop_finishes_calls", polywire, finishesCalls},
	}
}

// besideNeighbour runs a case while another client goes on with its calls, which must all succeed.
func besideNeighbour(address string, run func(*server, string) error) func(*server) error {
	return func(s *server) error {
		return with(overTCP, func(neighbour *rpc.Client) error {
			stop, ended := make(chan struct{}), make(chan error, 1)
			go func() {
				for calls := 0; ; calls++ {
					if err := add(neighbour, calls, 1); err != nil {
						ended <- fmt.Errorf("neighbour: %w", err)
						return
					}
					select {
					case <-stop:
						ended <- nil
						return
					case <-time.After(time.Millisecond):
					}
				}
			}()
			err := run(s, address)
			close(stop)
			return errors.Join(err, <-ended)
		})(s)
	}
}

// randomBytes are followed by the end of the stream, since some are the start of something longer.
func randomBytes(s *server, address string) error {
	random := rand.New(rand.NewSource(1))
	for round := 0; round < 300; round++ {
		noise := make([]byte, 1+random.Intn(512))
		random.Read(noise)
		conn, err := s.raw(address)
		if err != nil {
			return err
		}
		conn.Write(noise)
		conn.CloseWrite()
		err = drained(conn)
		conn.Close()
		if err != nil {
			return fmt.Errorf("after % x: %w", noise[:min(len(noise), 16)], err)
		}
	}
	return nil
}

// drained reads until the server closes, in whatever way.
func drained(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("the connection is open")
	}
	return nil
}

func noProtocol(s *server, address string) error {
	for _, noise := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "hello there\n", "SSH-2.0-x\r\n", "\x05\x01\x00"} {
		conn, err := s.raw(address)
		if err != nil {
			return err
		}
		io.WriteString(conn, noise)
		err = drained(conn)
		conn.Close()
		if err != nil {
			return fmt.Errorf("after %q: %w", noise, err)
		}
	}
	return nil
}

func randomAfterCall(s *server, address string) error {
	random := rand.New(rand.NewSource(2))
	for round := 0; round < 100; round++ {
		conn, err := s.raw(address)
		if err != nil {
			return err
		}
		stream := newStream(conn)
		err = stream.send("Arith.Add", 0, service.Args{A: 7, B: 8})
		err = errors.Join(err, stream.wantSum(0, 15))
		noise := make([]byte, 1+random.Intn(200))
		random.Read(noise)
		conn.Write(noise)
		conn.CloseWrite()
		err = errors.Join(err, drained(conn))
		conn.Close()
		if err != nil {
			return fmt.Errorf("after % x: %w", noise[:min(len(noise), 16)], err)
		}
	}
	return nil
}

func slowHeader(s *server, address string) error {
	conn, err := s.raw(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stream := newStream(conn)
	err = stream.encode(rpc.Request{ServiceMethod: "Arith.Add"}, service.Args{A: 7, B: 8})
	if err != nil {
		return err
	}
	for stream.pending.Len() > 0 {
		if _, err := conn.Write(stream.pending.Next(10)); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	return stream.wantSum(0, 15)
}

func slowConnect(s *server, address string) error {
	conn, err := s.raw(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for rest := connectRequest; rest != ""; rest = rest[min(len(rest), 5):] {
		if _, err := io.WriteString(conn, rest[:min(len(rest), 5)]); err != nil {
			return err
		}
		time.Sleep(pause)
	}
	answer := make([]byte, len(connected))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	return syncCall(rpc.NewClient(conn))
}

func goneWithCalls(s *server, address string) error {
	for round := 0; round < 20; round++ {
		conn, err := s.raw(address)
		if err != nil {
			return err
		}
		stream := newStream(conn)
		for seq := uint64(0); seq < 10; seq++ {
			if err := stream.send("Arith.SleepMilli", seq, service.Args{A: 20}); err != nil {
				return err
			}
		}
		// Half of them end with a reset instead of a goodbye.
		if round%2 == 0 {
			conn.SetLinger(0)
		}
		conn.Close()
	}
	time.Sleep(2 * pause)
	return with(overTCP, syncCall)(s)
}

// doesNotRead asks for far more than fits into the buffers on the way, and reads it late.
func doesNotRead(s *server, address string) error {
	conn, err := s.raw(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stream := newStream(conn)
	const calls = 24
	sent := make(chan error, 1)
	go func() {
		for seq := uint64(0); seq < calls; seq++ {
			if err := stream.send("Arith.Echo", seq, make([]byte, 1<<20)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	time.Sleep(4 * pause)
	for replies := 0; replies < calls; replies++ {
		var header rpc.Response
		var reply []byte
		if err := errors.Join(stream.decoder.Decode(&header), stream.decoder.Decode(&reply)); err != nil {
			return fmt.Errorf("reply %d: %w", replies, err)
		}
		if err := expect("bytes", len(reply), 1<<20); err != nil {
			return err
		}
	}
	return <-sent
}

func manyConnections(s *server) error {
	return inParallel(100, func(int) error { return with(overTCP, syncCall)(s) })
}

func killedAndStarted(*server) error {
	first, err := start("127.0.0.1:0")
	if err != nil {
		return err
	}
	address := first.addresses["tcp"]
	client, err := overTCP(first)
	if err != nil {
		first.kill()
		return err
	}
	defer client.Close()
	err = add(client, 1, 2)
	running := client.Go("Arith.SleepMilli", service.Args{A: 60_000}, new(service.Reply), nil)
	err = errors.Join(err, add(client, 3, 4))
	first.kill()
	<-running.Done
	if running.Error == nil {
		err = errors.Join(err, errors.New("a call of 60 s ended well"))
	}
	err = errors.Join(err, expect("next call", client.Call("Arith.Add", service.Args{}, nil), rpc.ErrShutdown))
	if err != nil {
		return err
	}
	second, err := start(address)
	if err != nil {
		return err
	}
	defer second.stop()
	return errors.Join(expect("address", second.addresses["tcp"], address), with(overTCP, syncCall)(second))
}

func finishesCalls(*server) error {
	s, err := start("127.0.0.1:0")
	if err != nil {
		return err
	}
	return with(overTCP, func(client *rpc.Client) error {
		var reply service.Reply
		running := client.Go("Arith.SleepMilli", service.Args{A: 300}, &reply, nil)
		// The answer to this one shows that the one before it has been read.
		err := add(client, 1, 2)
		s.stop()
		<-running.Done
		return errors.Join(err, running.Error, expect("milliseconds", reply.C, 300))
	})(s)
}
