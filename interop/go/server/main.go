// Command server offers the services of an interop run through Go's own net/rpc: gob over TCP, over
// CONNECT and over TLS, and JSON. It prints its addresses as one line of JSON and ends when its
// standard input does.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"path/filepath"

	"interop/service"
)

var (
	listen       = flag.String("listen", "127.0.0.1:0", "address for gob over TCP; the others are chosen by the system")
	certificates = flag.String("certificates", "", "folder with cert.pem and key.pem; without one there is no TLS")
)

func main() {
	flag.Parse()
	server := rpc.NewServer()
	for name, receiver := range map[string]any{
		"Arith":           new(service.Arith),
		"net.rpc.Arith":   new(service.Arith),
		"newServer.Arith": new(service.Arith),
		"Builtin":         new(service.Builtin),
		"Types":           new(service.Types),
		"Faulty":          new(service.Faulty),
	} {
		check(server.RegisterName(name, receiver))
	}
	server.HandleHTTP(rpc.DefaultRPCPath, rpc.DefaultDebugPath)
	server.HandleHTTP("/custom/rpc", "/custom/debug")

	addresses := map[string]string{}
	open := func(name, address string) net.Listener {
		listener, err := net.Listen("tcp", address)
		check(err)
		addresses[name] = listener.Addr().String()
		return listener
	}
	go server.Accept(open("tcp", *listen))
	httpListener := open("http", "127.0.0.1:0")
	go func() { check(http.Serve(httpListener, nil)) }()
	go acceptJSON(server, open("jsonrpc", "127.0.0.1:0"))
	if *certificates != "" {
		pair, err := tls.LoadX509KeyPair(
			filepath.Join(*certificates, "cert.pem"), filepath.Join(*certificates, "key.pem"))
		check(err)
		config := &tls.Config{Certificates: []tls.Certificate{pair}}
		go server.Accept(tls.NewListener(open("tls", "127.0.0.1:0"), config))
	}
	check(json.NewEncoder(os.Stdout).Encode(addresses))
	io.Copy(io.Discard, os.Stdin)
}

func acceptJSON(server *rpc.Server, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		check(err)
		go server.ServeCodec(jsonrpc.NewServerCodec(conn))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
