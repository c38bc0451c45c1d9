// Package harness runs a local cloud in this process and a worker as its child, for
// the demo and the benchmark.
package harness

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// What the local cloud takes as a signature.
const (
	AccessKey = "AKIDLOCAL"
	SecretKey = "local-secret"
	Region    = "eu-west-1"
)

// Cloud is a local cloud on an address.
type Cloud struct {
	*localcloud.Cloud
	Base string // URL

	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when the server has ended
}

// Listen makes a cloud on addr, or on a free port of the same host if addr is taken.
func Listen(addr string, o localcloud.Options) (*Cloud, error) {
	listener, err := listen(addr)
	if err != nil {
		return nil, err
	}
	o.BaseURL = "http://" + listener.Addr().String()
	o.Region, o.AccessKey, o.SecretKey = Region, AccessKey, SecretKey
	return &Cloud{Cloud: localcloud.New(o), Base: o.BaseURL, listener: listener, served: make(chan struct{})}, nil
}

// Serve answers requests with the handler until Close.
func (c *Cloud) Serve(handler http.Handler) {
	c.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // connections that the cloud breaks on purpose
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(c.listener)
	}()
}

// Close ends the server, open long polls as well.
func (c *Cloud) Close() {
	_ = c.server.Close()
	<-c.served
}

// FreeAddress is addr, or the same host with a free port if addr is taken.
func FreeAddress(addr string) (string, error) {
	l, err := listen(addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err == nil {
		return listener, nil
	}
	host, _, split := net.SplitHostPort(addr)
	if split != nil {
		return nil, err
	}
	if listener, second := net.Listen("tcp", net.JoinHostPort(host, "0")); second == nil {
		return listener, nil
	}
	return nil, err
}

// Environment points a worker at the cloud and the queue. What is inherited comes
// first, without AWS settings, which are a person's own, and without what own sets.
func (c *Cloud) Environment(inherited []string, queue string, own ...string) []string {
	own = append(own,
		"AWS_ACCESS_KEY_ID="+AccessKey, "AWS_SECRET_ACCESS_KEY="+SecretKey, "AWS_REGION="+Region,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_SQS="+c.Base, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS="+c.Base, "WORKER_QUEUE_URL="+queue)
	return append(slices.DeleteFunc(slices.Clone(inherited), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "AWS_") || slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, name+"=") })
	}), own...)
}
