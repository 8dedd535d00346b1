package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"connectrpc.com/connect"

	"interop-connect/compression"
)

type protocol struct {
	name       string
	options    []connect.ClientOption
	json       bool
	gets       bool
	needsHTTP2 bool
}

var protocols = []protocol{
	{name: "connect", gets: true},
	{name: "connect-json", gets: true, json: true, options: []connect.ClientOption{connect.WithProtoJSON()}},
	{name: "grpc-web", options: []connect.ClientOption{connect.WithGRPCWeb()}},
	{name: "grpc-web-json", json: true, options: []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
	{name: "grpc", needsHTTP2: true, options: []connect.ClientOption{connect.WithGRPC()}},
	{name: "grpc-json", needsHTTP2: true, json: true, options: []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
}

type transport struct {
	name, address, scheme string
	http2                 bool
}

var transports = []transport{
	{name: "http1", address: "http", scheme: "http"},
	{name: "http2", address: "tcp", scheme: "http", http2: true},
	{name: "http1+tls", address: "tls", scheme: "https"},
	{name: "http2+tls", address: "tls", scheme: "https", http2: true},
}

// target is a server as a case sees it.
type target struct {
	url     string
	http    *http.Client
	options []connect.ClientOption
}

func newTarget(addresses map[string]string, transport transport, protocol protocol) (*target, error) {
	authority, err := os.ReadFile(filepath.Join(*certificates, "ca.pem"))
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("ca.pem holds no certificate")
	}
	spoken := new(http.Protocols)
	spoken.SetHTTP1(!transport.http2)
	spoken.SetHTTP2(transport.http2 && transport.scheme == "https")
	spoken.SetUnencryptedHTTP2(transport.http2 && transport.scheme == "http")
	gzip := connect.WithAcceptCompression(compression.Name, compression.NewDecompressor, compression.NewCompressor)
	return &target{
		url: transport.scheme + "://" + addresses[transport.address],
		http: &http.Client{Transport: &http.Transport{
			Protocols:       spoken,
			TLSClientConfig: &tls.Config{RootCAs: trusted},
		}},
		options: append(slices.Clone(protocol.options), gzip),
	}, nil
}

// of is a client of one method.
func of[Req, Res any](t *target, method string, options ...connect.ClientOption) *connect.Client[Req, Res] {
	return connect.NewClient[Req, Res](t.http, t.url+"/grpc.testing."+method, slices.Concat(t.options, options)...)
}

// compressing are the options with which everything is compressed that is not very short.
func compressing() connect.ClientOption {
	return connect.WithClientOptions(connect.WithSendCompression(compression.Name), connect.WithCompressMinBytes(1024))
}
