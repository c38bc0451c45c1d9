package localcloud_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/localcloud"
)

// Over a socket: what a bubble cannot show.
func TestOverHTTP(t *testing.T) {
	c := localcloud.New(localcloud.Options{})
	server := httptest.NewServer(c.Handler())
	defer server.Close()
	url := c.SQS.CreateQueue("q", localcloud.QueueOptions{})
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return goodCredentials, nil }),
	})
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("a")}); err != nil {
		t.Error(err)
	}

	api := caller{transport: server.Client().Transport, base: server.URL, creds: goodCredentials}
	for _, id := range []string{"a:b", "a_b-c"} {
		if got, err := api.put(t.Context(), id, `{"Name":"x"}`); err != nil || got.status != http.StatusNoContent {
			t.Errorf("PUT %s: %+v, %v", id, got, err)
		}
	}
	c.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault { return &localcloud.Fault{BreakAfter: true} }
	if got, err := api.put(t.Context(), "broken", `{"Name":"x"}`); err == nil {
		t.Errorf("a broken connection answered %+v", got)
	}
	if _, ok := c.Things.Get("broken"); !ok {
		t.Error("the call should have been applied before the connection broke")
	}

	control := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		part               string
	}{
		{"GET", "/_cloud/", "", 200, "POST /_cloud/faults"},
		{"GET", "/_cloud/state", "", 200, `"applied": 3`},
		{"GET", "/_cloud/calls?since=2", "", 200, `"Thing": "broken"`},
		{"GET", "/_cloud/calls?since=x", "", 400, "a number"},
		{"GET", "/_cloud/messages?queue=q", "", 200, `"Body": "a"`},
		{"GET", "/_cloud/messages?queue=z", "", 404, "one of q"},
		{"GET", "/_cloud/things/a:b", "", 200, `"Name": "x"`},
		{"GET", "/_cloud/things/none", "", 404, "none"},
		{"POST", "/_cloud/quota", `{"quota":7}`, 200, "7"},
		{"POST", "/_cloud/faults", `{"api":{"conflict":0.5}}`, 200, "0.5"},
		{"POST", "/_cloud/faults", `{"api":{"conflicts":0.5}}`, 400, "conflicts"},
		{"GET", "/elsewhere", "", 404, "/_cloud/"},
	} {
		if status, body := control(tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.part) {
			t.Errorf("%s %s: %d %s, want %d with %q", tt.method, tt.path, status, body, tt.status, tt.part)
		}
	}
	if got := c.Faults.Rates().API.Conflict; got != 0.5 {
		t.Errorf("conflict = %v", got)
	}
}
