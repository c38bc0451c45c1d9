package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// asked is what one request needs to be allowed, as IAM judges it.
type asked struct {
	action, resource string
	via              string // the service that asks in the caller's name; empty: the caller itself
}

const (
	atAccount = ":eu-west-1:000000000000:"
	atSQS     = "sqs.eu-west-1.amazonaws.com"
	aKey      = "arn:aws:kms" + atAccount + "key/1"
)

// watch stands before what plays AWS and writes down what each request needs to be
// allowed. It is read when all who ask have ended.
type watch struct {
	mu      sync.Mutex
	seen    map[asked]bool
	unknown []string // requests that are none of the services' that are known here
}

func newWatch() *watch { return &watch{seen: map[asked]bool{}} }

// before is the URL of next, with the watch before it, until the end of the test.
func (w *watch) before(t *testing.T, next http.Handler) string {
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // whoever asked is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.note(r, body)
		next.ServeHTTP(out, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func (w *watch) note(r *http.Request, body []byte) {
	needs := needed(r, body)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(needs) == 0 {
		w.unknown = append(w.unknown, r.Method+" "+r.Host+r.URL.Path+" "+r.Header.Get("X-Amz-Target"))
	}
	for _, n := range needs {
		w.seen[n] = true
	}
}

// needed is empty for a request that is not known here.
func needed(r *http.Request, body []byte) []asked {
	var in struct{ QueueUrl, QueueName, TableName, CredentialLockerId string }
	_ = json.Unmarshal(body, &in) // what is no JSON names nothing
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	thing, isThing := strings.CutPrefix(r.URL.EscapedPath(), "/managed-things/")
	task, isTask := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/api/"), "/task-protection/v1/state")
	switch {
	case r.Method == http.MethodConnect:
		return nil
	case service == "AmazonSQS":
		parts := strings.Split(in.QueueUrl, "/")
		queue := "arn:aws:sqs" + atAccount + parts[len(parts)-1] + in.QueueName // one of the two
		return append(ofKey(operation), asked{"sqs:" + strings.TrimSuffix(operation, "Batch"), queue, ""})
	case service == "DynamoDB_20120810":
		return []asked{{"dynamodb:" + operation, "arn:aws:dynamodb" + atAccount + "table/" + in.TableName, ""}}
	case isThing:
		name, _ := url.PathUnescape(thing)
		action := map[string]string{http.MethodGet: "Get", http.MethodPut: "Update"}[r.Method] + "ManagedThing"
		needs := []asked{{"iotmanagedintegrations:" + action, "arn:aws:iotmanagedintegrations" + atAccount + "managed-thing/" + name, ""}}
		if in.CredentialLockerId != "" {
			needs = append(needs, asked{"iotmanagedintegrations:" + action, "arn:aws:iotmanagedintegrations" + atAccount + "credential-locker/" + in.CredentialLockerId, ""})
		}
		return needs
	case isTask: // the agent asks ECS with the task's role
		action := map[string]string{http.MethodGet: "Get", http.MethodPut: "Update"}[r.Method] + "TaskProtection"
		return []asked{{"ecs:" + action, "arn:aws:ecs" + atAccount + "task/fleet/" + task, ""}}
	}
	return nil
}

// ofKey is what SQS asks of KMS in the caller's name where the queue has a key of the
// account's own: SQS Developer Guide, "Configuring KMS permissions for Amazon SQS".
// The queues here have none, so this is by the book.
func ofKey(operation string) []asked {
	switch strings.TrimSuffix(operation, "Batch") {
	case "SendMessage":
		return []asked{{"kms:GenerateDataKey", aKey, atSQS}, {"kms:Decrypt", aKey, atSQS}}
	case "ReceiveMessage":
		return []asked{{"kms:Decrypt", aKey, atSQS}}
	}
	return nil
}

// grant is one action on one resource that a policy allows.
type grant struct {
	action, resource string
	via              string // only through this service; empty: no condition
}

// allows compares as IAM does, for resources that end in * or have none.
func (g grant) allows(a asked) bool {
	start, any := strings.CutSuffix(g.resource, "*")
	return g.action == a.action && g.via == a.via && (g.resource == a.resource || any && strings.HasPrefix(a.resource, start))
}

// unequal says what was asked and is not allowed, and what is allowed and was not asked.
// A * is too much unless it is the name of a resource of one kind and stood for several,
// which are then not known before.
func unequal(grants []grant, seen map[asked]bool) []string {
	var found []string
	for a := range seen {
		if !slices.ContainsFunc(grants, func(g grant) bool { return g.allows(a) }) {
			found = append(found, "missing: "+a.action+" on "+a.resource)
		}
	}
	for _, g := range grants {
		uses := 0
		for a := range seen {
			if g.allows(a) {
				uses++
			}
		}
		if any := strings.Contains(g.resource, "*"); uses == 0 || any && (uses < 2 || !strings.HasSuffix(g.resource, "/*")) {
			found = append(found, "too many: "+g.action+" on "+g.resource)
		}
	}
	slices.Sort(found)
	return found
}
