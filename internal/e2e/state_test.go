package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate/dynamostore"
)

// sharedState is a rig whose workers share a store that this project did not write.
type sharedState struct {
	*rig
	awsConf aws.Config
}

// stateStore is a kind of store, and WORKER_STATE for a new one of it.
type stateStore struct {
	standin.Kind
	open func(s *sharedState, url string) string
}

var stateStores = []stateStore{
	{standin.Moto(), openTable},
	{standin.Dynalite(), openTable},
	{standin.Redis(), openRedis},
	{standin.Valkey(), openRedis},
}

func openRedis(_ *sharedState, url string) string { return url }

func openTable(s *sharedState, url string) string {
	s.awsConf.ConfigSources = []any{endpoints{"DynamoDB": url}}
	table := dynamostore.New(s.awsConf, dynamostore.Options{Name: "things"})
	if err := table.Create(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return "dynamodb://things"
}

func newSharedState(t *testing.T, store stateStore) *sharedState {
	s := &sharedState{rig: newRig(t, layout{})}
	s.awsConf = *s.aws()
	s.cfg.State = store.open(s, store.ForTest(t))
	s.cfg.VersionTTL = 35 * 24 * time.Hour
	s.cfg.WaitTime = time.Second
	s.cfg.Concurrency = 8
	return s
}

// toCloud sends what is for the cloud to it, in memory, and the rest over the network.
type toCloud struct {
	cloud   http.RoundTripper
	network *http.Transport
}

func (c toCloud) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "127.0.0.1:4566" {
		return c.cloud.RoundTrip(r)
	}
	return c.network.RoundTrip(r)
}

func (s *sharedState) start() *worker {
	network := http.DefaultTransport.(*http.Transport).Clone()
	s.t.Cleanup(network.CloseIdleConnections)
	return s.rig.start(func(o *app.Options) {
		o.AWS, o.Transport = &s.awsConf, toCloud{s.cloud.Transport(), network}
	})
}

// What one worker has applied, the next one and the one beside it know.
func TestWorkersShareTheirState(t *testing.T) {
	t.Parallel()
	for _, store := range stateStores {
		t.Run(store.Name, func(t *testing.T) {
			inRealTime(t)
			s := newSharedState(t, store)
			now := time.Now().Add(-time.Hour)
			send := func(n int, thing, to string) {
				s.cloud.SQS.Send(s.queue, localcloud.Message{
					Body: name(thing, to),
					Attributes: map[string]localcloud.Attribute{
						"OccurredAt":      occurredAt(now.Add(time.Duration(n) * time.Second))["OccurredAt"],
						"DeduplicationId": {DataType: "String", StringValue: fmt.Sprint(thing, n)},
					},
				})
			}
			first := s.start()
			for i := range 10 {
				send(5, fmt.Sprint("thing-", i), "newest")
			}
			s.drained(patience)
			status := first.Status().Store
			if status.Name != s.cfg.StateName() || status.Acquire.Count == 0 || status.Finish.Max <= 0 || status.Acquire.Errors+status.Finish.Errors > 0 {
				t.Errorf("the store's status is %+v", status)
			}
			first.stopped()
			first.wantOutcomes(map[message.Outcome]int{message.Applied: 10})

			// Ten of each: what is older, and what was applied already.
			second, third := s.start(), s.start()
			for i := range 10 {
				send(2, fmt.Sprint("thing-", i), "older")
				send(5, fmt.Sprint("thing-", i), "newest")
			}
			s.drained(patience)
			second.stopped()
			third.stopped()
			sum := map[string]int{}
			for _, w := range []*worker{second, third} {
				for outcome, n := range w.outcomes() {
					sum[outcome] += n
				}
			}
			if sum["superseded"] != 10 || sum["duplicate"] != 10 {
				t.Errorf("outcomes: %v", sum)
			}
			for i := range 10 {
				s.wantMember(fmt.Sprint("thing-", i), "Name", `"newest"`)
			}
			if n := len(s.calls("")); n != 10 {
				t.Errorf("%d calls, want one for each thing", n)
			}
		})
	}
}

func TestAStateStoreThatIsNotThere(t *testing.T) {
	inRealTime(t)
	run := func(t *testing.T, state string, change func(*sharedState)) (*sharedState, *worker) {
		s := &sharedState{rig: newRig(t, layout{})}
		s.awsConf = *s.aws()
		s.cfg.State, s.cfg.WaitTime, s.cfg.RetryMax = state, time.Second, time.Second
		if change != nil {
			change(s)
		}
		s.cloud.SQS.Send(s.queue, localcloud.Message{Body: name("lamp", "Hall")})
		return s, s.start()
	}
	t.Run("a wrong table is a fault of the setup", func(t *testing.T) {
		moto := standin.Moto().ForTest(t)
		_, w := run(t, "dynamodb://absent", func(s *sharedState) { s.awsConf.ConfigSources = []any{endpoints{"DynamoDB": moto}} })
		<-w.done
		if setup, ok := errors.AsType[*app.SetupError](w.err); !ok || !strings.Contains(setup.Fix, "aws dynamodb create-table") {
			t.Errorf("it ended with: %v", w.err)
		}
	})
	t.Run("an option that nobody knows is a fault of the setup", func(t *testing.T) {
		_, w := run(t, "redis://user:hunter2@127.0.0.1:1?colour=red", nil)
		<-w.done
		if setup, ok := errors.AsType[*app.SetupError](w.err); !ok || !strings.Contains(setup.Error(), "colour") || strings.Contains(setup.Error(), "hunter2") {
			t.Errorf("it ended with: %v", w.err)
		}
	})
	t.Run("one that is down is waited for", func(t *testing.T) {
		server := standin.Redis("--requirepass", "hunter2").ForTest(t)
		proxy := standin.NewProxy(t, server)
		proxy.Down(true)
		s, w := run(t, strings.Replace(proxy.URL, "redis://", "redis://:hunter2@", 1), nil)
		s.until("the status says that the store fails", patience, func() bool { return w.Status().Store.FailingSince != nil })
		if n := w.logs.FilterLevelExact(zapcore.WarnLevel).FilterMessageSnippet("starting all the same").Len(); n != 1 {
			t.Errorf("the log says:\n%s", w.lines())
		}
		proxy.Down(false)
		s.drained(patience)
		w.stopped()
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1})
		if w.Status().Store.FailingSince != nil || strings.Contains(w.lines(), "hunter2") {
			t.Errorf("status %+v, log:\n%s", w.Status().Store, w.lines())
		}
	})
}
