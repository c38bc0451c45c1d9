package managedthings_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

// answered makes a call that gets this answer, over HTTP.
func answered(t *testing.T, status int, h map[string]string, body string, members ...message.Member) *managedthings.APIError {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range h {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer s.Close()
	_, err := clientOf(t, s.URL, nil).UpdateManagedThing(t.Context(), managedthings.Input{Identifier: "t1", Members: members})
	e, ok := errors.AsType[*managedthings.APIError](err)
	if !ok {
		t.Fatalf("error %T %v", err, err)
	}
	if e.Status != status {
		t.Errorf("status %d, want %d", e.Status, status)
	}
	return e
}

func TestErrorCodeAndText(t *testing.T) {
	const header = "X-Amzn-ErrorType"
	for name, c := range map[string]struct {
		status     int
		header     string
		body       string
		code, text string
		modelled   bool
	}{
		"header":                    {400, "ValidationException", `{"Message":"bad"}`, "ValidationException", "bad", true},
		"header with URL":           {429, "ThrottlingException:http://internal.amazon.com/coral/", `{"message":"slow"}`, "ThrottlingException", "slow", true},
		"header with namespace":     {409, "aws.iot#ConflictException:http://x#y", `{}`, "ConflictException", "", true},
		"header first":              {400, "ValidationException", `{"__type":"ConflictException"}`, "ValidationException", "", true},
		"__type":                    {404, "", `{"__type":"a.b#ResourceNotFoundException","message":"none"}`, "ResourceNotFoundException", "none", true},
		"code":                      {403, "", `{"code":"AccessDeniedException"}`, "AccessDeniedException", "", true},
		"__type before code":        {403, "", `{"code":"A","__type":"UnauthorizedException"}`, "UnauthorizedException", "", true},
		"Message before message":    {500, "InternalServerException", `{"message":"b","Message":"a"}`, "InternalServerException", "a", true},
		"not modelled":              {403, "ExpiredTokenException", `{"message":"expired"}`, "ExpiredTokenException", "expired", false},
		"code of another type":      {400, "", `{"code":400,"message":["x"]}`, "", "", false},
		"code that is no name":      {429, "", `{"code":"Too many requests"}`, "", "", false},
		"not JSON":                  {429, "", `<html>Too Many Requests</html>`, "", "", false},
		"not JSON, header":          {503, "ServiceUnavailableException", `upstream`, "ServiceUnavailableException", "", true},
		"empty":                     {502, "", ``, "", "", false},
		"JSON of another kind":      {400, "", `["ValidationException"]`, "", "", false},
		"redirect":                  {307, "", ``, "", "", false},
		"endless":                   {500, "", strings.Repeat("x", 1<<20), "", "", false},
		"beyond what is read":       {400, "", `{"__type":"ValidationException","Message":"` + strings.Repeat("x", 100<<10) + `"}`, "", "", false},
		"long text":                 {400, "ValidationException", `{"Message":"` + strings.Repeat("ü", 2000) + `"}`, "ValidationException", strings.Repeat("ü", 512) + "…", true},
		"header with spaces around": {400, " ValidationException ", `{}`, "ValidationException", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			e := answered(t, c.status, map[string]string{header: c.header, "X-Amzn-RequestId": "r-1"}, c.body, input.Members...)
			if e.Code != c.code || e.Message != c.text || e.Modelled != c.modelled || e.RequestID != "r-1" {
				t.Errorf("%+v", e)
			}
			var api smithy.APIError = e
			want := smithy.FaultClient
			switch {
			case c.status >= 500:
				want = smithy.FaultServer
			case c.status < 400:
				want = smithy.FaultUnknown
			}
			if api.ErrorCode() != c.code || api.ErrorMessage() != c.text || api.ErrorFault() != want {
				t.Errorf("as the SDK's error: %s, %s, %s", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault())
			}
		})
	}
}

func TestAnErrorsText(t *testing.T) {
	e := answered(t, 404, nil, `{"__type":"ResourceNotFoundException","Message":"none","ResourceId":"t1","ResourceType":"ManagedThing"}`)
	if want := "UpdateManagedThing: ResourceNotFoundException (HTTP status 404): none"; e.Error() != want {
		t.Errorf("error %q", e)
	}
	if got := answered(t, 502, nil, "").Error(); got != "UpdateManagedThing: HTTP status 502 without an error code" {
		t.Errorf("error %q", got)
	}
}

func TestNoSensitiveValueIsQuoted(t *testing.T) {
	const body = `{"__type":"ValidationException","Message":"Value 'geheim' at 'owner' failed"}`
	owner := message.Member{Name: "Owner", Value: []byte(`"geheim"`)}
	model := message.Member{Name: "Model", Value: []byte(`"m"`)}
	e := answered(t, 400, nil, body, owner, input.Members[0], model)
	if want := "(masked: the call carried Owner, Model)"; e.Message != want || e.Masked(nil) != want {
		t.Errorf("%+v", e)
	}
	if strings.Contains(e.Error(), "geheim") {
		t.Errorf("error %q", e)
	}
	e = answered(t, 400, nil, body, input.Members...)
	if e.Message != "Value 'geheim' at 'owner' failed" || e.Masked([]message.Member{owner}) != "(masked: the call carried Owner)" {
		t.Errorf("%+v, masked %q", e, e.Masked([]message.Member{owner}))
	}
	if e := answered(t, 500, nil, "", owner); e.Message != "" {
		t.Errorf("an empty text became %q", e.Message)
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for name, c := range map[string]struct {
			h    map[string]string
			want time.Duration
		}{
			"none":                     {nil, 0},
			"seconds":                  {map[string]string{"Retry-After": "7"}, 7 * time.Second},
			"milliseconds":             {map[string]string{"X-Amz-Retry-After": "1500"}, 1500 * time.Millisecond},
			"both":                     {map[string]string{"Retry-After": "1", "X-Amz-Retry-After": "1500"}, 1500 * time.Millisecond},
			"date":                     {map[string]string{"Retry-After": date(30 * time.Second)}, 30 * time.Second},
			"date by their clock":      {map[string]string{"Retry-After": date(time.Hour), "Date": date(time.Hour - time.Minute)}, time.Minute},
			"date gone by":             {map[string]string{"Retry-After": date(-time.Hour)}, 0},
			"negative":                 {map[string]string{"Retry-After": "-7", "X-Amz-Retry-After": "-9223372036854775808"}, 0},
			"too long":                 {map[string]string{"Retry-After": "86400"}, managedthings.MaxRetryAfter},
			"too long in milliseconds": {map[string]string{"X-Amz-Retry-After": "86400000"}, managedthings.MaxRetryAfter},
			"far too long":             {map[string]string{"Retry-After": "99999999999999999999"}, managedthings.MaxRetryAfter},
			"most negative":            {map[string]string{"Retry-After": "-99999999999999999999"}, 0},
			"date too far":             {map[string]string{"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, managedthings.MaxRetryAfter},
			"no number":                {map[string]string{"Retry-After": "soon", "X-Amz-Retry-After": "1.5"}, 0},
		} {
			h := http.Header{}
			for k, v := range c.h {
				h.Set(k, v)
			}
			client := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 429, Header: h, Body: http.NoBody}, nil
			})}))
			_, err := client.UpdateManagedThing(t.Context(), input)
			if e, ok := errors.AsType[*managedthings.APIError](err); !ok || e.RetryAfter != c.want {
				t.Errorf("%s: %v (%v), want %v", name, e.RetryAfter, err, c.want)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(400, "ValidationException", "7", `{"Message":"bad"}`)
	f.Add(429, "a#b:c", "Fri, 31 Dec 9999 23:59:59 GMT", `<html>`)
	f.Fuzz(func(t *testing.T, status int, code, after, body string) {
		if status < 300 || status > 599 {
			return
		}
		client := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {code}, "Retry-After": {after}},
				Body: io.NopCloser(strings.NewReader(body)),
			}, nil
		})}))
		_, err := client.UpdateManagedThing(t.Context(), input)
		e, ok := errors.AsType[*managedthings.APIError](err)
		if !ok || e.RetryAfter < 0 || e.RetryAfter > managedthings.MaxRetryAfter || len(e.Message) > 2<<10 || len(e.Code) > 128 {
			t.Fatalf("%T %v", err, err)
		}
	})
}
