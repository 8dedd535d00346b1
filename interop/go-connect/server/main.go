// Command server is gRPC's test service on connect-go, by Connect, gRPC-Web and gRPC: HTTP/1.1 and
// HTTP/2 in plain text on one port, over TLS on another, and HTTP/1.1 alone over TLS on a third. It
// prints its addresses as one line of JSON, with the cases it cannot serve, and ends when its standard input does.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

var (
	listen       = flag.String("listen", "127.0.0.1:0", "address for plain text; the other is chosen by the system")
	certificates = flag.String("certificates", "", "folder with cert.pem and key.pem; without one there is no TLS")
)

const byLength = "connect-go compresses every message that is long enough"

func main() {
	flag.Parse()
	server, old := newServer(), newServer()
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	plain, err := net.Listen("tcp", *listen)
	check(err)
	go func() { check(server.Serve(plain)) }()
	offered := map[string]string{
		"tcp":                                 plain.Addr().String(),
		"http":                                plain.Addr().String(),
		"without server_compressed_unary":     byLength,
		"without server_compressed_streaming": byLength,
	}
	if *certificates != "" {
		offered["tls"] = serveTLS(server)
		offered["tls-http1"] = serveTLS(old)
	}
	check(json.NewEncoder(os.Stdout).Encode(offered))
	io.Copy(io.Discard, os.Stdin)
}

// newServer is a server that speaks HTTP/1.1.
func newServer() *http.Server {
	server := &http.Server{Handler: handler(), Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	server.Protocols.SetHTTP1(true)
	return server
}

// serveTLS says where.
func serveTLS(server *http.Server) string {
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	cert := filepath.Join(*certificates, "cert.pem")
	key := filepath.Join(*certificates, "key.pem")
	go func() { check(server.ServeTLS(secure, cert, key)) }()
	return secure.Addr().String()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
