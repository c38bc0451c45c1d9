package localcloud

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"time"
)

// AnySignature as Options.AccessKey takes every request, signed or not.
const AnySignature = "*"

// maxRequestBytes bounds a request's body. Ten bodies of a batch, each
// character escaped as \u00XX, stay well below it.
const maxRequestBytes = 16 << 20

// Options of a Cloud; the zero value is a cloud without quota and latency.
type Options struct {
	Seed            uint64        // of ids and of random faults
	Region, Account string        // "eu-west-1", "000000000000"
	AccessKey       string        // "AKIDLOCAL"; AnySignature switches the check off
	SecretKey       string        // "local-secret"
	Quota           float64       // API calls a second; 0 is no limit
	Burst           float64       // the bucket's size in calls; 0 is one second of Quota, at least 1
	Latency         time.Duration // of an API call
	BaseURL         string        // of queue URLs, "http://127.0.0.1:4566"
	// ClockAhead is by how much the clock that the cloud shows is ahead of this
	// process's: in its Date headers, its sent times and its checks of signatures.
	ClockAhead time.Duration
}

// A Cloud is one account in one Region. All methods are safe for concurrent
// use; exported fields are set before the first request.
type Cloud struct {
	SQS    *SQS
	Things *Things
	Faults *Faults

	opts   Options
	random seededRand
	auth   *verifier
}

// New returns an empty Cloud.
func New(o Options) *Cloud {
	o.Region = cmp.Or(o.Region, "eu-west-1")
	o.Account = cmp.Or(o.Account, "000000000000")
	o.AccessKey = cmp.Or(o.AccessKey, "AKIDLOCAL")
	o.SecretKey = cmp.Or(o.SecretKey, "local-secret")
	o.BaseURL = strings.TrimSuffix(cmp.Or(o.BaseURL, "http://127.0.0.1:4566"), "/")
	c := &Cloud{opts: o, random: seededRand{seed: o.Seed}}
	c.auth = newVerifier(o)
	c.Faults = &Faults{random: &c.random}
	c.SQS = &SQS{cloud: c, queues: map[string]*queue{}, requests: map[string]int{}}
	c.Things = newThings(c)
	return c
}

// Handler serves both services and the control endpoints on one address.
func (c *Cloud) Handler() http.Handler { return http.HandlerFunc(c.serve) }

// serve tells the services apart by hand: a ServeMux would clean the path,
// and the path is signed.
func (c *Cloud) serve(w http.ResponseWriter, r *http.Request) {
	if c.opts.ClockAhead != 0 {
		w = dated{w, c}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if err != nil {
		http.Error(w, "request body: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	path := r.URL.EscapedPath()
	switch target := r.Header.Get("X-Amz-Target"); {
	case strings.HasPrefix(target, "AmazonSQS."):
		c.SQS.serve(w, r, strings.TrimPrefix(target, "AmazonSQS."), body)
	case strings.HasPrefix(path, "/managed-things/"):
		c.Things.serve(w, r, strings.TrimPrefix(path, "/managed-things/"), body)
	case path == "/_cloud" || strings.HasPrefix(path, "/_cloud/"):
		c.serveControl(w, r, strings.TrimPrefix(strings.TrimPrefix(path, "/_cloud"), "/"), body)
	default:
		http.Error(w, "nothing here: SQS speaks JSON 1.0 (X-Amz-Target: AmazonSQS.…), the API is at /managed-things/{Identifier}, help is at /_cloud/", http.StatusNotFound)
	}
}
