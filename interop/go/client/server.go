package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// server is a running server. A polywire server has one port, so all its addresses are the same.
type server struct {
	process   *exec.Cmd
	stdin     io.Closer
	addresses map[string]string
}

func start(listen string) (*server, error) {
	args := []string{"--listen", listen}
	if *certificates != "" {
		args = append(args, "--certificates", *certificates)
	}
	process := exec.Command(*program, args...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	srv := &server{process: process, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &srv.addresses)
	}
	if err != nil {
		srv.kill()
		return nil, fmt.Errorf("its addresses: %w", err)
	}
	return srv, nil
}

// stop lets the server end as it likes.
func (s *server) stop() {
	s.stdin.Close()
	ended := time.AfterFunc(5*time.Second, func() { s.process.Process.Kill() })
	s.process.Wait()
	ended.Stop()
}

func (s *server) kill() {
	s.process.Process.Kill()
	s.process.Wait()
}

// raw is a connection to be written on by hand; all waits on it end.
func (s *server) raw(name string) (*net.TCPConn, error) {
	conn, err := net.DialTimeout("tcp", s.addresses[name], dialDeadline)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(readDeadline))
	return conn.(*net.TCPConn), nil
}

func (s *server) tls(authority string) (*tls.Conn, error) {
	pem, err := os.ReadFile(filepath.Join(*certificates, authority))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + authority)
	}
	return tls.Dial("tcp", s.addresses["tls"], &tls.Config{RootCAs: roots})
}

const (
	dialDeadline = 5 * time.Second
	readDeadline = 15 * time.Second
)

// dial is a way to a client of net/rpc.
type dial func(*server) (*rpc.Client, error)

func overTCP(s *server) (*rpc.Client, error) { return rpc.Dial("tcp", s.addresses["tcp"]) }

func overHTTP(s *server) (*rpc.Client, error) { return rpc.DialHTTP("tcp", s.addresses["http"]) }

func overTLS(s *server) (*rpc.Client, error) {
	conn, err := s.tls("ca.pem")
	if err != nil {
		return nil, err
	}
	return rpc.NewClient(conn), nil
}

func overJSON(s *server) (*rpc.Client, error) { return jsonrpc.Dial("tcp", s.addresses["jsonrpc"]) }

func overJSONAndTLS(s *server) (*rpc.Client, error) {
	conn, err := s.tls("ca.pem")
	if err != nil {
		return nil, err
	}
	return jsonrpc.NewClient(conn), nil
}

// with runs a case on a client of its own.
func with(dial dial, run func(*rpc.Client) error) func(*server) error {
	return func(s *server) error {
		client, err := dial(s)
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		defer client.Close()
		return run(client)
	}
}
