// Package cases are those of a go-micro client against a server, whichever version it is of. A case
// prints a line: `ok NAME`, `FAIL NAME: why`.
package cases

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"time"

	"interop-micro/settings"
)

// Client is a client of go-micro, told where the server is, or where to look for it.
type Client interface {
	Call(ctx context.Context, endpoint, contentType string, request, reply any) error
	Stream(ctx context.Context, endpoint, contentType string, first any) (Stream, error)
	Publish(ctx context.Context, topic, contentType string, event any) error
}

// Stream is a stream of go-micro.
type Stream interface {
	Send(any) error
	Recv(any) error
	Close() error
}

// An Error is what go-micro makes of an error.
type Error struct {
	ID     string
	Code   int32
	Detail string
}

// A Library is a version of go-micro.
type Library struct {
	// Connect makes a client; the address counts only where there is no registry.
	Connect func(s *settings.Settings, address string) (Client, error)
	Parse   func(error) Error
	// WithMetadata adds metadata to what is sent.
	WithMetadata func(context.Context, map[string]string) context.Context
}

// Main runs every case, and ends the program.
func Main(library Library) {
	log.SetFlags(0)
	program := flag.String("server", "", "the program to start as the server")
	flag.String("certificates", "", "not used: go-micro's clients are in plain text")
	only := flag.String("only", "", "run the cases whose name holds this")
	calls := flag.Int("soak", 0, "make so many calls instead, one after the other and then at once")
	s := settings.Flags()
	flag.Parse()
	address, stop, err := start(*program, s)
	if err != nil {
		log.Fatalf("cannot start %s: %v", *program, err)
	}
	client, err := library.Connect(s, address)
	if err != nil {
		stop()
		log.Fatal(err)
	}
	failed := 0
	for _, codec := range []string{"json", "protobuf"} {
		t := &target{library, client, s, "application/" + codec}
		prefix := "micro/" + s.Cell + "/" + codec + "/"
		if *calls > 0 {
			failed += soak(t, prefix, *calls)
			break
		}
		for _, c := range all {
			name := prefix + c.name
			if !c.fits(s) || !strings.Contains(name, *only) {
				continue
			}
			if err := attempt(t, c); err != nil {
				failed++
				fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", `\n`))
			} else {
				fmt.Printf("ok %s\n", name)
			}
		}
	}
	stop()
	if failed > 0 {
		os.Exit(1)
	}
}

func attempt(t *target, c testCase) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return c.run(ctx, t)
}

// start starts the server and waits for its address.
func start(program string, s *settings.Settings) (address string, stop func(), err error) {
	process := exec.Command(program, append([]string{"--listen", "127.0.0.1:0"}, s.Words()...)...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := process.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		stdin.Close()
		ended := time.AfterFunc(5*time.Second, func() { process.Process.Kill() })
		process.Wait()
		ended.Stop()
	}
	reader := bufio.NewReader(stdout)
	line, err := reader.ReadBytes('\n')
	var addresses map[string]string
	if err == nil {
		err = json.Unmarshal(line, &addresses)
	}
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("its addresses: %w", err)
	}
	go io.Copy(io.Discard, reader)
	return addresses["tcp"], stop, nil
}
