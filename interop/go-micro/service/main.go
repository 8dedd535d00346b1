package service

import (
	"bufio"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"os"

	"interop-micro/settings"
)

// A Server is a server of go-micro, made but not started.
type Server interface {
	Start() error
	Stop() error
}

// Main makes a server at the address and starts it, prints the address as one line of JSON with the
// cases it cannot serve, and stops the server when the standard input ends.
func Main(build func(s *settings.Settings, address string) (Server, error), without func(*settings.Settings) map[string]string) {
	log.SetFlags(0)
	// What go-micro has to say goes there as well, in its older versions.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.String("certificates", "", "not used: go-micro's servers are in plain text")
	s := settings.Flags()
	flag.Parse()
	address := *listen
	if free, err := net.Listen("tcp", address); err == nil {
		address = free.Addr().String()
		free.Close()
	}
	server, err := build(s, address)
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriter(stdout)
	offered := map[string]string{"tcp": address, "http": address}
	for name, why := range without(s) {
		offered["without micro/"+s.Cell+"/"+name] = why
	}
	json.NewEncoder(out).Encode(offered)
	out.Flush()
	io.Copy(io.Discard, os.Stdin)
	if err := server.Stop(); err != nil {
		log.Print(err)
	}
}
