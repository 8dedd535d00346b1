package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// server is a running server. A polywire server has one port, so all its addresses are the same.
type server struct {
	process   *exec.Cmd
	stdin     io.Closer
	addresses map[string]string
}

func start() (*server, error) {
	args := []string{"--listen", "127.0.0.1:0"}
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
		process.Process.Kill()
		process.Wait()
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
