package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// statusText is /status as a script reads it.
func (w *worker) statusText() string {
	text, _ := json.Marshal(w.Status())
	return string(text)
}

// wantReady checks /readyz: its word, and what its text holds.
func (w *worker) wantReady(ok bool, words ...string) {
	w.t.Helper()
	got, reason := w.Ready()
	if got != ok {
		w.t.Errorf("ready is %v (%q), want %v", got, reason, ok)
	}
	for _, word := range words {
		if !strings.Contains(reason, word) {
			w.t.Errorf("the reason %q does not say %q", reason, word)
		}
	}
}

func TestAQueueThatIsDeletedShowsInReadinessAndStatus(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("thing-0", "new"))
		r.drained(time.Minute)
		if _, err := r.sqs().DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &r.queue}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		w.wantReady(true)
		time.Sleep(40 * time.Second)
		w.wantReady(false, "ReceiveMessage", "NonExistentQueue", "WORKER_QUEUE_URL")
		for _, word := range []string{`"failing"`, `"ReceiveMessage"`, "NonExistentQueue", `"since"`} {
			if text := w.statusText(); !strings.Contains(text, word) {
				t.Errorf("/status does not say %s: %s", word, text)
			}
		}
		if ok, stale := w.Health(); !ok {
			t.Errorf("not healthy: %v", stale)
		}
		r.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: r.dlq})
		r.send(name("thing-1", "new"))
		r.drained(time.Minute)
		w.wantReady(true)
		if text := w.statusText(); strings.Contains(text, `"since":"2000`) && strings.Contains(text, "NonExistentQueue") {
			t.Errorf("/status still says it: %s", text)
		}
		w.stopped()
	})
}

func TestReadinessTellsWhyNothingIsReceived(t *testing.T) {
	for name, c := range map[string]struct {
		fault *localcloud.Fault
		words []string
	}{
		"denied":        {denied, []string{"sqs:ReceiveMessage"}},
		"the key":       {status(http.StatusBadRequest, "KMS.AccessDeniedException"), []string{"KMS", "kms:Decrypt"}},
		"expired token": {status(http.StatusForbidden, "ExpiredToken"), []string{"credentials"}},
		"no network":    {brokenBefore, []string{"no answer"}},
		"5xx":           {internalError, []string{"InternalError"}},
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			w := r.start()
			time.Sleep(time.Minute)
			w.wantReady(true)
			heal := r.sqsFails("ReceiveMessage", c.fault)
			time.Sleep(2 * time.Minute)
			w.wantReady(false, c.words...)
			heal()
			time.Sleep(time.Minute)
			w.wantReady(true)
			w.stopped()
		})
	}
}

// An open long poll is no failure, and a queue from which nothing is wanted says nothing.
func TestReadinessOfAWorkerThatNeedsNothingFromItsQueue(t *testing.T) {
	subtest(t, "one receive in ten gets through", layout{}, func(t *testing.T, r *rig) {
		r.onSQS("ReceiveMessage", func(n int, _ string) *localcloud.Fault {
			if n%3 != 0 {
				return internalError
			}
			return nil
		})
		w := r.start()
		for range 60 {
			time.Sleep(5 * time.Second)
			w.wantReady(true)
		}
		w.stopped()
	})
	l := layout{cloud: localcloud.Options{Quota: 1, Burst: 1}}
	subtest(t, "enough is held", l, func(t *testing.T, r *rig) {
		r.cfg.MaxHeld, r.cfg.RateStart = 10, 1
		held := make(chan struct{})
		r.callsFail("*", &localcloud.Fault{Hold: held})
		r.cfg.CallTimeout = 10 * time.Minute
		r.sendNames("thing", 20)
		w := r.start()
		r.until("as much is held as may be", time.Minute, func() bool { return w.Status().Messages.Held == 10 })
		heal := r.sqsFails("ReceiveMessage", internalError)
		time.Sleep(5 * time.Minute)
		w.wantReady(true)
		heal()
		close(held)
		r.drained(5 * time.Minute)
		w.stopped()
	})
}

// errTokenServiceDenies is what the SDK returns if the role may not be assumed.
var errTokenServiceDenies = fmt.Errorf("failed to refresh cached credentials, failed to retrieve credentials, %w", &smithy.OperationError{
	ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity",
	Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
})

func TestAdviceIsAboutTheServiceThatRefused(t *testing.T) {
	for name, c := range map[string]struct {
		refusal *localcloud.Fault // of receives; nil: there are no credentials
		words   []string
		without string
	}{
		"SQS":               {denied, []string{"SQS", "sqs:ReceiveMessage"}, "kms:"},
		"the key":           {status(http.StatusBadRequest, "KMS.AccessDeniedException"), []string{"KMS", "kms:Decrypt"}, "sqs:ReceiveMessage"},
		"the modelled key":  {status(http.StatusBadRequest, "KmsAccessDenied"), []string{"KMS", "kms:Decrypt"}, "sqs:ReceiveMessage"},
		"a disabled key":    {status(http.StatusBadRequest, "KMS.DisabledException"), []string{"KMS", "enable"}, "sqs:ReceiveMessage"},
		"a key in deletion": {status(http.StatusBadRequest, "KMS.InvalidStateException"), []string{"KMS", "deletion"}, "sqs:ReceiveMessage"},
		"the token service": {nil, []string{"STS", "trust policy", "AWS_ROLE_ARN"}, "sqs:ReceiveMessage"},
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			var planted atomic.Bool
			good := r.aws().Credentials
			w := r.start(func(o *app.Options) {
				o.AWS.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
					if c.refusal == nil && planted.Load() {
						return aws.Credentials{}, errTokenServiceDenies
					}
					return good.Retrieve(ctx)
				})
			})
			time.Sleep(time.Second)
			planted.Store(true)
			r.sqsFails("ReceiveMessage", c.refusal)
			r.sendNames("thing", 1) // ends the poll that is open
			time.Sleep(time.Minute)
			var said []string
			for line := range strings.Lines(w.lines()) {
				if strings.Contains(line, "ReceiveMessage") && (strings.HasPrefix(line, "error") || strings.HasPrefix(line, "warn")) {
					message, _, _ := strings.Cut(line, "{")
					said = append(said, message)
				}
			}
			if len(said) != 1 {
				t.Fatalf("%d lines, want 1: %q\n%s", len(said), said, w.lines())
			}
			for _, word := range c.words {
				if !strings.Contains(said[0], word) {
					t.Errorf("%q does not say %q", said[0], word)
				}
			}
			if strings.Contains(said[0], c.without) {
				t.Errorf("%q advises %q", said[0], c.without)
			}
		})
	}
}

func TestAMissingPermissionDegradesAndNamesItself(t *testing.T) {
	for _, c := range []struct {
		action, permission string
		left               int // messages that stay while it is denied: of 10 good ones and an invalid one
	}{
		{"ReceiveMessage", "sqs:ReceiveMessage", 11},
		{"DeleteMessageBatch", "sqs:DeleteMessage", 11},
		{"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility", 0},
		{"SendMessageBatch", "sqs:SendMessage", 1},
		{"GetQueueAttributes", "sqs:GetQueueAttributes", 0},
	} {
		l := layout{cloud: localcloud.Options{Latency: 8 * time.Second}, settings: func(c *config.Config) {
			c.VisibilityTimeout = 10 * time.Second // so that leases would be renewed
		}}
		subtest(t, c.action, l, func(t *testing.T, r *rig) {
			r.cfg.DLQURL = r.dlq
			heal := r.sqsFails(c.action, denied)
			w := r.start(func(o *app.Options) { o.Examine = true }) // as worker run does
			r.sendNames("thing", 10)
			r.send("{")
			time.Sleep(time.Minute)
			r.wantLeft(c.left)
			if applied := w.outcomes()[string(message.Applied)]; c.action != "ReceiveMessage" && applied != 10 {
				t.Errorf("%d applied, want 10", applied)
			}
			w.wantLines(c.permission, map[bool]int{true: 2, false: 1}[c.action == "GetQueueAttributes"]) // of two queues
			heal()
			r.drained(3 * time.Minute)
			w.stopped()
			r.wantAppliedOnce("thing", 10)
			r.oneLetter(message.InvalidMessage)
		})
	}
}
