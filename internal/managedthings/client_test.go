package managedthings_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

// static are credentials: key, secret, session token.
type static [3]string

func (s static) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: s[0], SecretAccessKey: s[1], SessionToken: s[2]}, nil
}

func (s fipsSource) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointState(s), true, nil
}

var input = managedthings.Input{Identifier: "t1", Members: []message.Member{{Name: "Name", Value: []byte(`"x"`)}}}

func clientOf(t *testing.T, endpoint string, http aws.HTTPClient) *managedthings.Client {
	t.Helper()
	c, err := managedthings.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), Credentials: static{"AKID", "secret", ""},
	}, managedthings.Options{HTTP: http})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestValuesReachTheAPIByteForByte(t *testing.T) {
	var mu sync.Mutex
	var path, body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		path, body = r.RequestURI, string(text)
		w.WriteHeader(204)
	}))
	defer s.Close()
	c := clientOf(t, s.URL+"/base/", nil)
	_, err := c.UpdateManagedThing(t.Context(), managedthings.Input{Identifier: "a:b", Members: []message.Member{
		{Name: "CapabilityReport", Value: []byte("{ \"a\" : 1.0,\n\"b\":12345678901234567890, \"c\": \"\\u00fc<&>\"}")},
		{Name: "MetaData", Value: []byte(`{}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if path != "/base/managed-things/a%3Ab" {
		t.Errorf("path %s", path)
	}
	if want := "{\"CapabilityReport\":{ \"a\" : 1.0,\n\"b\":12345678901234567890, \"c\": \"\\u00fc<&>\"},\"MetaData\":{}}"; body != want {
		t.Errorf("body %s", body)
	}
	if c.Endpoint() != s.URL+"/base/" {
		t.Errorf("endpoint %s", c.Endpoint())
	}
}

func TestOnlyA204IsSuccess(t *testing.T) {
	for _, status := range []int{200, 202, 204} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, err := clientOf(t, s.URL, nil).UpdateManagedThing(t.Context(), input)
		if api, ok := errors.AsType[*managedthings.APIError](err); status == 204 && err != nil || status != 204 && (!ok || api.Status != status || api.Modelled) {
			t.Errorf("%d: %v", status, err)
		}
		s.Close()
	}
}

func TestNoIdentifierNoCall(t *testing.T) {
	c := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a call was made")
		return nil, io.EOF
	})}))
	if _, err := c.UpdateManagedThing(t.Context(), managedthings.Input{}); err == nil {
		t.Error("no error")
	}
}

func TestConnectionsAreUsedAgainWhateverTheAnswer(t *testing.T) {
	var mu sync.Mutex
	opened, calls := 0, 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%2 == 0 {
			w.WriteHeader(400)
			io.WriteString(w, `{"Message":"`+strings.Repeat("x", 30<<10)+`"}`)
			return
		}
		w.WriteHeader(200)
		io.WriteString(w, strings.Repeat("x", 30<<10))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			opened++
			mu.Unlock()
		}
	}
	s.Start()
	defer s.Close()
	c := clientOf(t, s.URL, nil)
	for range 20 {
		c.UpdateManagedThing(t.Context(), input)
	}
	mu.Lock()
	defer mu.Unlock()
	// net/http gives one up whose write loop has not come to its end 50 ms after the
	// answer, as may be on a busy machine.
	if opened > 3 || calls != 20 {
		t.Errorf("%d connections for %d calls", opened, calls)
	}
}

func transportErrorOf(t *testing.T, err error) *managedthings.TransportError {
	t.Helper()
	e, ok := errors.AsType[*managedthings.TransportError](err)
	if !ok {
		t.Fatalf("error %T %v", err, err)
	}
	return e
}

func TestNoConnectionMeansNothingWasSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = clientOf(t, "http://"+l.Addr().String(), nil).UpdateManagedThing(t.Context(), input)
	if e := transportErrorOf(t, err); e.Sent || e.Timeout || e.Cause != nil {
		t.Errorf("%+v", e)
	}
}

func TestABrokenConnectionLeavesTheOutcomeUnknown(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer s.Close()
	_, err := clientOf(t, s.URL, nil).UpdateManagedThing(t.Context(), input)
	if e := transportErrorOf(t, err); !e.Sent || e.Timeout {
		t.Errorf("%+v", e)
	}
}

func TestTimeoutAndCauseAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errStop, errSlow := errors.New("the worker stops"), errors.New("the call took too long")
		c := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errSlow)
		defer cancel()
		_, err := c.UpdateManagedThing(ctx, input)
		if e := transportErrorOf(t, err); !e.Timeout || !e.Sent || !errors.Is(err, errSlow) {
			t.Errorf("%+v: %v", e, err)
		}
		stopping, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(errStop) })
		_, err = c.UpdateManagedThing(stopping, input)
		if e := transportErrorOf(t, err); e.Timeout || !errors.Is(err, errStop) || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v: %v", e, err)
		}
	})
}

func TestAServerThatDoesNotAnswerIsATimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-release }))
	defer s.Close()
	defer close(release)
	_, err := clientOf(t, s.URL, awshttp.New(awshttp.Options{HeaderTimeout: 20 * time.Millisecond})).UpdateManagedThing(t.Context(), input)
	if e := transportErrorOf(t, err); !e.Timeout || !e.Sent || e.Cause != nil {
		t.Errorf("%+v", e)
	}
}

type providerFunc func(context.Context) (aws.Credentials, error)

func (f providerFunc) Retrieve(ctx context.Context) (aws.Credentials, error) { return f(ctx) }

func TestNoCredentialsConcernTheCaller(t *testing.T) {
	errNone := errors.New("no role is attached")
	for name, provider := range map[string]aws.CredentialsProvider{
		"none":    nil,
		"failing": providerFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errNone }),
	} {
		c, err := managedthings.New(aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://localhost"), Credentials: provider}, managedthings.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.UpdateManagedThing(t.Context(), input)
		if _, ok := errors.AsType[*managedthings.CredentialsError](err); !ok || provider != nil && !errors.Is(err, errNone) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAClockThatIsWrongIsCorrectedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := time.Hour
		refused := 0
		c := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			theirs := time.Now().Add(ahead)
			h := http.Header{"Date": {theirs.UTC().Format(http.TimeFormat)}}
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil || theirs.Sub(signed).Abs() > 5*time.Minute {
				refused++
				h.Set("X-Amzn-ErrorType", "InvalidSignatureException")
				return &http.Response{StatusCode: 403, Header: h, Body: http.NoBody}, nil
			}
			return &http.Response{StatusCode: 204, Header: h, Body: http.NoBody}, nil
		})}))
		for range 10 {
			c.UpdateManagedThing(t.Context(), input)
		}
		if refused != 1 {
			t.Errorf("%d calls were refused", refused)
		}
		ahead = 0 // our clock is set right: the same again
		for range 10 {
			c.UpdateManagedThing(t.Context(), input)
		}
		if refused != 2 {
			t.Errorf("%d calls were refused", refused)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	c, err := managedthings.New(aws.Config{
		Region: "eu-west-1", Credentials: static{"AKID", "secret", "token"},
	}, managedthings.Options{HTTP: awshttp.New(awshttp.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: 204, Header: http.Header{}, Body: http.NoBody}, nil
	})})})
	if err != nil {
		b.Fatal(err)
	}
	for name, size := range map[string]int{"1KiB": 1 << 10, "1MiB": 1 << 20} {
		in := managedthings.Input{Identifier: "t:1", Members: []message.Member{{Name: "CapabilityReport", Value: []byte(strings.Repeat("1", size))}}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.UpdateManagedThing(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
