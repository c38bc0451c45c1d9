package managedthings_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

type golden struct {
	Key, Secret string
	Requests    []struct {
		Identifier, Region, Token string
		FIPS                      bool
		Members                   [][2]string
		URL, Body, ContentType    string
		Date, Authorization       string
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type fipsSource aws.FIPSEndpointState

// The requests are those of botocore's own client, to the byte, signature
// included; see testdata/golden.py.
func TestRequestsAreThoseOfTheOfficialClient(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Requests) == 0 {
		t.Fatal("no requests")
	}
	synctest.Test(t, func(t *testing.T) { // its time is the one that they were signed at
		for _, w := range want.Requests {
			var sent *http.Request
			var body []byte
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				sent = r
				body, _ = io.ReadAll(r.Body)
				return &http.Response{StatusCode: 204, Header: http.Header{"X-Amzn-Requestid": {"r1"}}, Body: http.NoBody}, nil
			})
			cfg := aws.Config{Region: w.Region, Credentials: static{want.Key, want.Secret, w.Token}}
			if w.FIPS {
				cfg.ConfigSources = []any{fipsSource(aws.FIPSEndpointStateEnabled)}
			}
			c, err := managedthings.New(cfg, managedthings.Options{HTTP: awshttp.New(awshttp.Options{Transport: transport})})
			if err != nil {
				t.Fatal(err)
			}
			var members []message.Member
			for _, m := range w.Members {
				members = append(members, message.Member{Name: m[0], Value: []byte(m[1])})
			}
			out, err := c.UpdateManagedThing(t.Context(), managedthings.Input{Identifier: w.Identifier, Members: members})
			if err != nil || out.RequestID != "r1" {
				t.Fatalf("%s: output %+v, error %v", w.Identifier, out, err)
			}
			for what, pair := range map[string][2]string{
				"method":         {sent.Method, "PUT"},
				"URL":            {sent.URL.String(), w.URL},
				"body":           {string(body), w.Body},
				"Content-Type":   {sent.Header.Get("Content-Type"), w.ContentType},
				"X-Amz-Date":     {sent.Header.Get("X-Amz-Date"), w.Date},
				"security token": {sent.Header.Get("X-Amz-Security-Token"), w.Token},
				"Authorization":  {sent.Header.Get("Authorization"), w.Authorization},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %s is\n%s, want\n%s", w.Identifier, what, pair[0], pair[1])
				}
			}
			if sent.ContentLength != int64(len(body)) {
				t.Errorf("%s: content length %d", w.Identifier, sent.ContentLength)
			}
			if agent := sent.Header.Get("User-Agent"); !strings.Contains(agent, "aws-sdk-go-v2/") || !strings.Contains(agent, "api/iotmanagedintegrations#") {
				t.Errorf("User-Agent %q", agent)
			}
			if id := sent.Header.Get("Amz-Sdk-Invocation-Id"); len(id) != 36 {
				t.Errorf("invocation id %q", id)
			}
		}
	})
}
