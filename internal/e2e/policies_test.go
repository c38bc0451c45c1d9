package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/standin"
)

// TestPoliciesAllowWhatIsAskedAndNoMore has the program do all that it can do with AWS,
// and compares what that needed with the documents of deploy/iam.
func TestPoliciesAllowWhatIsAskedAndNoMore(t *testing.T) {
	t.Parallel()
	standin.LeaveOut(t)
	program := buildWorker(t)
	moto := standin.Moto().ForTest(t)
	aTable(t, moto)
	store, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	for _, fifo := range []bool{false, true} {
		kind := map[bool]string{false: "standard", true: "FIFO"}[fifo]
		t.Run(kind, func(t *testing.T) {
			inRealTime(t)
			s := newServer(t, program, layout{fifo: fifo})
			s.cloud.Things.Create("probed", map[string]json.RawMessage{"MetaData": json.RawMessage(`{"a":"1","b":"2"}`)})
			a := &account{kind: kind}
			s.apiFaults.add(a.hold)
			for _, c := range []struct {
				document string
				use      func(*server, *account)
			}{{"worker.json", workerAtWork}, {"dlq.json", operatorAtWork}, {"probe.json", probeAtWork}} {
				w := newWatch()
				cloud, nowhere := w.before(t, s.cloud.Handler()), w.before(t, http.NotFoundHandler())
				a.agent = w.before(t, http.HandlerFunc(a.protect))
				a.settings = append([]string{
					"AWS_ENDPOINT_URL_SQS=" + cloud, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=" + cloud,
					"AWS_ENDPOINT_URL_DYNAMODB=" + w.before(t, httputil.NewSingleHostReverseProxy(store)), "WORKER_STATE=dynamodb://things",
					// Whatever else is asked, of whomever, is seen too.
					"AWS_ENDPOINT_URL=" + nowhere, "HTTPS_PROXY=" + nowhere, "HTTP_PROXY=" + nowhere,
				}, soundly...)
				c.use(s, a)
				report(t, c.document+": asked of somebody else", w.unknown)
				grants := granted(t, c.document, strings.NewReplacer(
					"DEAD-LETTER-QUEUE", nameOf(s.dlq), "QUEUE", nameOf(s.queue), "TABLE", "things", "CLUSTER", "fleet",
					"KEY-ARN", aKey, "THING", "probed", "REGION", "eu-west-1", "ACCOUNT", "000000000000"))
				report(t, c.document, unequal(grants, w.seen))
				if !t.Failed() {
					wantFaultsFound(t, c.document, grants, w.seen)
				}
			}
		})
	}
}

// wantFaultsFound checks that a grant that is missing, one too many and one too wide
// would each be told.
func wantFaultsFound(t *testing.T, document string, grants []grant, seen map[asked]bool) {
	t.Helper()
	for i, g := range grants {
		without := slices.Delete(slices.Clone(grants), i, i+1)
		if len(unequal(without, seen)) == 0 {
			t.Errorf("%s: nobody would miss %s on %s", document, g.action, g.resource)
		}
		for _, resource := range []string{"*", g.resource[:strings.LastIndex(g.resource, ":")+1] + "*"} {
			if len(unequal(append(without, grant{g.action, resource, g.via}), seen)) == 0 {
				t.Errorf("%s: nobody would see that %s is allowed on %s", document, g.action, resource)
			}
		}
	}
	if got := unequal(append(slices.Clone(grants), grant{"sqs:PurgeQueue", grants[0].resource, ""}), seen); len(got) != 1 {
		t.Errorf("%s: of an action too many is said: %v", document, got)
	}
}

// account is what the program needs to find AWS, and what the account does.
type account struct {
	kind      string // of its queues; part of the things' names, as both kinds share a table
	settings  []string
	agent     string // URL of the ECS agent
	holding   atomic.Pointer[chan struct{}]
	protected atomic.Bool
}

// hold lets a call wait while the account holds.
func (a *account) hold(localcloud.CallInfo) *localcloud.Fault {
	if until := a.holding.Load(); until != nil {
		return &localcloud.Fault{Hold: *until}
	}
	return nil
}

// protect is the ECS agent.
func (a *account) protect(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	on := strings.Contains(string(body), `"ProtectionEnabled":true`)
	a.protected.Store(on)
	_, _ = io.WriteString(w, map[bool]string{true: `{"protection":{"ProtectionEnabled":true}}`, false: `{"protection":{"ProtectionEnabled":false}}`}[on])
}

// workerAtWork has the doctor look at the set-up, and two tasks start, work and stop, one
// after the other.
func workerAtWork(s *server, a *account) {
	if code, p := s.ask(nil, a.settings...); code != 0 {
		s.t.Fatalf("worker doctor: exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
	for i, task := range []string{"one", "two"} {
		release := make(chan struct{})
		a.holding.Store(&release)
		for _, body := range []string{
			name("lamp-"+a.kind+"-"+task, "Hall"), `{"Identifier":"lock-` + a.kind + "-" + task + `","CredentialLockerId":"locker` + task + `"}`, broken,
		} {
			s.cloud.SQS.Send(s.queue, localcloud.Message{Body: body, GroupID: "group"})
		}
		p := s.start(append(slices.Clone(a.settings), "WORKER_VISIBILITY_TIMEOUT=2s", "ECS_AGENT_URI="+a.agent+"/api/"+task)...)
		// By then the leases of what is held were renewed.
		s.eventually("the task is protected and a letter written", 30*time.Second, func() bool { return a.protected.Load() && len(s.letters()) == i+1 })
		a.holding.Store(nil)
		close(release)
		s.eventually("the queue is drained", 30*time.Second, func() bool { return s.cloud.SQS.Len(s.queue) == 0 })
		s.ends(p)
	}
}

// operatorAtWork uses every command for dead letters, with the one or the other queue left
// out.
func operatorAtWork(s *server, a *account) {
	id, saved := s.letters()[0].ID, filepath.Join(s.t.TempDir(), "letters.jsonl")
	dlq := func(want int, args []string, settings ...string) {
		p := s.command(append([]string{"dlq"}, args...), append(slices.Clone(a.settings), settings...)...)
		if code := s.exit(p, 40*time.Second); code != want {
			s.t.Errorf("dlq %s: exit code %d\n%s%s", strings.Join(args, " "), code, p.stdout.String(), p.stderr.String())
		}
	}
	dlq(0, []string{"list"})
	dlq(0, []string{"show", id}, "WORKER_QUEUE_URL=", "WORKER_DLQ_URL="+s.dlq)
	dlq(0, []string{"list", "--output", saved})
	dlq(1, []string{"redrive", "--dry-run"}) // they would come back
	dlq(0, []string{"redrive", "--id", id})
	dlq(0, []string{"redrive"}, "WORKER_QUEUE_URL=", "WORKER_DLQ_URL="+s.dlq)
	dlq(0, []string{"redrive", "--from", saved})
}

func probeAtWork(s *server, a *account) {
	if code, p := s.ask([]string{"--probe", "probed", "--yes"}, append(slices.Clone(a.settings), "WORKER_QUEUE_URL=")...); code != 0 {
		s.t.Errorf("worker doctor --probe: exit code %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
}

// granted is what a document of deploy/iam allows.
func granted(t *testing.T, document string, places *strings.Replacer) []grant {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "iam", document))
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct {
			Effect           string
			Action, Resource oneOrMore
			Condition        map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(places.Replace(string(text))), &policy); err != nil {
		t.Fatal(err)
	}
	var grants []grant
	for _, s := range policy.Statement {
		via, conditions := s.Condition["StringEquals"]["kms:ViaService"], len(s.Condition)
		if s.Effect != "Allow" || conditions > 1 || conditions == 1 && via == "" {
			t.Errorf("%s: a statement of a kind that is not known here: %+v", document, s)
		}
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				grants = append(grants, grant{action, resource, via})
			}
		}
	}
	return grants
}

// oneOrMore is a list that may be written as its only element.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		return json.Unmarshal(text, (*[]string)(o))
	}
	*o = make([]string, 1)
	return json.Unmarshal(text, &(*o)[0])
}

// aTable makes the table "things" in moto, which forgets what expires.
func aTable(t *testing.T, moto string) {
	t.Helper()
	useTable(t, moto)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, moto,
		strings.NewReader(`{"TableName":"things","TimeToLiveSpecification":{"AttributeName":"expires","Enabled":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.UpdateTimeToLive")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20260101/eu-west-1/dynamodb/aws4_request")
	out, err := http.DefaultClient.Do(r)
	if err != nil || out.StatusCode != http.StatusOK {
		t.Fatalf("no time to live: %v, %v", out, err)
	}
	_ = out.Body.Close()
}

func nameOf(queueURL string) string { return queueURL[strings.LastIndex(queueURL, "/")+1:] }
