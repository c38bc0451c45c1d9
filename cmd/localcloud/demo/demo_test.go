package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/message"
)

func TestWrongFlags(t *testing.T) {
	var out bytes.Buffer
	if code := execute([]string{"--rate", "0", "--things", "3", "--unavailable", "2"}, io.Discard, &out); code != 2 {
		t.Errorf("exit code %d", code)
	}
	for _, flag := range []string{"--rate", "--things", "--unavailable"} {
		if !strings.Contains(out.String(), flag+": must be") {
			t.Errorf("%s is not named in %q", flag, out.String())
		}
	}
}

func TestNoWorkerBinary(t *testing.T) {
	var out bytes.Buffer
	code := execute([]string{"--worker", t.TempDir() + "/none", "--addr", "127.0.0.1:0"}, io.Discard, &out)
	if code != 2 || !strings.Contains(out.String(), "go build -o") {
		t.Errorf("exit code %d, %q", code, out.String())
	}
}

func TestWorkerEnvironment(t *testing.T) {
	c := &cloud{Cloud: &harness.Cloud{Base: "http://127.0.0.1:1"}, queue: "http://127.0.0.1:1/000000000000/updates"}
	env := environment([]string{
		"PATH=/bin", "AWS_PROFILE=production", "AWS_SESSION_TOKEN=token", "AWS_ENDPOINT_URL_SQS=https://elsewhere.example",
		"WORKER_QUEUE_URL=https://elsewhere.example/q", "WORKER_DLQ_URL=https://elsewhere.example/d", "WORKER_WAIT_TIME=5s", "WORKER_CONCURRENCY=3",
	}, c, "127.0.0.1:2")
	values := make(map[string]string)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value // of a name given twice the last counts, as in os/exec
		if strings.Contains(value, "elsewhere") || value == "production" || value == "token" {
			t.Errorf("%s reaches the worker", v)
		}
	}
	for name, want := range map[string]string{
		"PATH": "/bin", "WORKER_WAIT_TIME": "5s", "WORKER_CONCURRENCY": "3", "WORKER_ADMIN_ADDR": "127.0.0.1:2",
		"WORKER_QUEUE_URL": c.queue, "AWS_ENDPOINT_URL_SQS": c.Base, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS": c.Base,
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
}

// newCloud is a cloud on a free port.
func newCloud(t *testing.T) *cloud {
	c, err := startCloud(settings{addr: "127.0.0.1:0", things: 20, seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSendWithoutSignature(t *testing.T) {
	c := newCloud(t)
	for _, test := range []struct {
		query, body string
		status      int
	}{
		{"", `{"Identifier":"my-lamp","Name":"a"}`, http.StatusOK},
		{"?queue=updates", "no message, but SQS takes it", http.StatusOK},
		{"", "", http.StatusBadRequest},
		{"?queue=other", "{}", http.StatusNotFound},
	} {
		resp, err := http.Post(c.Base+"/_cloud/send"+test.query, "", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%q to %q: %s", test.body, test.query, resp.Status)
		}
	}
	if sent := c.sent.sums(); c.depth() != 2 || sent.hand != 2 || sent.all() != 2 {
		t.Errorf("%d in the queue, sent %+v", c.depth(), sent)
	}
}

func TestMessagesSentByHandAreCounted(t *testing.T) {
	c := newCloud(t)
	const answered = http.StatusOK
	for _, test := range []struct {
		name, request, answer string
		status, counted       int
	}{
		{"one", `{"QueueUrl":"http://localhost/0/updates","MessageBody":"x"}`, `{"MessageId":"1"}`, answered, 1},
		{"to the dead-letter queue", `{"QueueUrl":"http://localhost/0/updates-dlq","MessageBody":"x"}`, `{"MessageId":"1"}`, answered, 0},
		{"refused", `{"QueueUrl":"http://localhost/0/updates","MessageBody":"x"}`, `{"__type":"no"}`, http.StatusBadRequest, 0},
		{"a batch, one of them refused", `{"QueueUrl":"http://localhost/0/updates","Entries":[{"Id":"a","MessageBody":"x"},{"Id":"b","MessageBody":"y"}]}`, `{"Successful":[{"Id":"b","MessageId":"2"}],"Failed":[{"Id":"a"}]}`, answered, 1},
	} {
		before := c.sent.sums().hand
		var passed []byte
		next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passed, _ = io.ReadAll(r.Body)
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.answer)
		})
		answer := httptest.NewRecorder()
		c.watchSend(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.request)), next)
		if got := c.sent.sums().hand - before; got != test.counted {
			t.Errorf("%s: %d counted, want %d", test.name, got, test.counted)
		}
		if string(passed) != test.request || answer.Body.String() != test.answer || answer.Code != test.status {
			t.Errorf("%s: changed on its way", test.name)
		}
	}
}

func TestLettersTakenAreCounted(t *testing.T) {
	c := newCloud(t)
	for _, test := range []struct {
		name, request, answer string
		status, all           int
	}{
		{"one", `{"QueueUrl":"http://localhost/0/updates-dlq","ReceiptHandle":"a"}`, "", http.StatusOK, 1},
		{"the same again", `{"QueueUrl":"http://localhost/0/updates-dlq","ReceiptHandle":"a"}`, "", http.StatusOK, 1},
		{"from the source queue", `{"QueueUrl":"http://localhost/0/updates","ReceiptHandle":"b"}`, "", http.StatusOK, 1},
		{"refused", `{"QueueUrl":"http://localhost/0/updates-dlq","ReceiptHandle":"c"}`, "", http.StatusBadRequest, 1},
		{"a batch, one of them refused", `{"QueueUrl":"http://localhost/0/updates-dlq","Entries":[{"Id":"x","ReceiptHandle":"d"},{"Id":"y","ReceiptHandle":"e"}]}`, `{"Successful":[{"Id":"y"}],"Failed":[{"Id":"x"}]}`, http.StatusOK, 2},
	} {
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.answer)
		})
		c.watchDelete(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.request)), next)
		if got := c.sent.lettersTaken(); got != test.all {
			t.Errorf("%s: %d counted, want %d", test.name, got, test.all)
		}
	}
}

func TestBookFindsWhatIsWrong(t *testing.T) {
	sound := fleet.Message{Event: fleet.Event{Thing: "lamp", Members: []message.Member{{Name: "Name", Value: []byte(`"a"`)}}}}
	is := func(name string) func(string) (map[string]json.RawMessage, bool) {
		return func(string) (map[string]json.RawMessage, bool) {
			return map[string]json.RawMessage{"Name": json.RawMessage(name)}, true
		}
	}
	for _, test := range []struct {
		name    string
		m       fleet.Message
		letters []string
		is      string
		want    []string
	}{
		{"as it should be", sound, nil, `"a"`, nil},
		{"another value", sound, nil, `"b"`, []string{"Name of lamp is not that of the newest event"}},
		{"a sound one dead-lettered", sound, []string{"1"}, `"b"`, []string{"message 1 is sound and was dead-lettered"}},
		{"a broken one dead-lettered", fleet.Message{Broken: true}, []string{"1"}, "", nil},
	} {
		e := newExpectations(false)
		err := e.fromFleet(test.m, func(time.Time) (string, error) { return "1", nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, wrong := e.compare(nil, test.letters, is(test.is)); !slices.Equal(wrong, test.want) {
			t.Errorf("%s: %q, want %q", test.name, wrong, test.want)
		}
	}
}

func TestTheHelpNamesTheWayToSend(t *testing.T) {
	c := newCloud(t)
	resp, err := http.Get(c.Base + "/_cloud/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for _, part := range []string{"POST /_cloud/send", "POST /_cloud/faults"} {
		if !strings.Contains(string(body), part) {
			t.Errorf("no %q in:\n%s", part, body)
		}
	}
}
