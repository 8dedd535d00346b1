// Command client runs grpcurl, which knows of a server only what its reflection says, or the .proto
// files that polywire's command line exports, against one. It starts the server itself, prints a line
// per case, `ok NAME`, `FAIL NAME: why` or `skip NAME: why`, and fails if a case did. grpcurl is
// expected beside it, and `polywire` beside the server.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var (
	program      = flag.String("server", "", "the program to start as the server")
	certificates = flag.String("certificates", "", "folder with ca.pem, cert.pem and key.pem")
	only         = flag.String("only", "", "run the cases whose name holds this")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *program == "" {
		log.Fatal("usage: client --server PROGRAM [--certificates FOLDER] [--only TEXT] [reflection]")
	}
	for _, suite := range flag.Args() {
		if suite != "reflection" {
			log.Fatalf("unknown suite %s", suite)
		}
	}
	srv, err := start()
	if err != nil {
		log.Fatalf("cannot start %s: %v", *program, err)
	}
	failed := runAll(srv)
	srv.stop()
	if failed > 0 {
		os.Exit(1)
	}
}

func runAll(srv *server) (failed int) {
	for _, transport := range []string{"tcp", "tls"} {
		address, offered := srv.addresses[transport]
		if !offered {
			continue
		}
		reflected := &target{transport: transport, address: address}
		failed += reflected.runAll("reflection/" + transport + "/")
		exported, err := reflected.export()
		if err != nil {
			log.Fatalf("cannot export: %v", err)
		}
		failed += exported.runAll("reflection/" + transport + "/exported/")
		os.RemoveAll(exported.files)
	}
	return failed
}

// target is a server as grpcurl is told of it.
type target struct {
	transport, address string
	// files is the folder with the .proto files that describe it; without one its reflection does.
	files string
}

// export has polywire's command line write the .proto files of the server.
func (t *target) export() (*target, error) {
	files, err := os.MkdirTemp("", "exported")
	if err != nil {
		return nil, err
	}
	args := []string{"export", "--proto", "--out", files, "grpc://" + t.address}
	if t.transport == "tls" {
		args[len(args)-1] = "grpc+tls://" + t.address
		args = append(args, "--cacert", filepath.Join(*certificates, "ca.pem"))
	}
	polywire := filepath.Join(filepath.Dir(*program), "polywire"+filepath.Ext(*program))
	if text, err := exec.Command(polywire, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return &target{t.transport, t.address, files}, nil
}

// runAll runs the cases.
func (t *target) runAll(prefix string) (failed int) {
	for _, c := range cases {
		name := prefix + c.name
		if !strings.Contains(name, *only) {
			continue
		}
		if err := c.run(t); err != nil {
			failed++
			fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", `\n`))
		} else {
			fmt.Printf("ok %s\n", name)
		}
	}
	return failed
}

// grpcurl runs it to its end, with options before the address and words after it.
func (t *target) grpcurl(options []string, words ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if t.transport == "tls" {
		options = append(options, "-cacert", filepath.Join(*certificates, "ca.pem"))
	} else {
		options = append(options, "-plaintext")
	}
	if t.files != "" {
		options = append(options, "-use-reflection=false", "-import-path", t.files, "-proto", testing)
	}
	ctx, cancel := context.WithTimeout(context.Background(), caseDeadline)
	defer cancel()
	args := append(append(options, t.address), words...)
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(self), "grpcurl"), args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// testing is the file of gRPC's test service, as it is exported.
const testing = "grpc/testing.proto"

// caseDeadline is far beyond what any case takes.
const caseDeadline = 30 * time.Second

// server is a running server.
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
