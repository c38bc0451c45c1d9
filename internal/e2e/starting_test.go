package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkcredentials "github.com/aws/aws-sdk-go-v2/credentials"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
)

// What is wrong with the setup is told in one sentence that names the thing and
// the way out, before a message is received.
func TestAWrongSetupIsToldBeforeTheFirstMessage(t *testing.T) {
	for _, c := range []struct {
		is    string
		wrong func(r *rig, o *app.Options)
		words []string
	}{
		{"the queue does not exist", func(r *rig, _ *app.Options) {
			r.cfg.QueueURL = r.queue + "-typo"
		}, []string{"WORKER_QUEUE_URL", "updates-typo", "does not exist", "AWS_REGION"}},
		{"the dead-letter queue does not exist", func(r *rig, _ *app.Options) {
			r.cfg.DLQURL = r.dlq + "-typo"
		}, []string{"WORKER_DLQ_URL", "updates-dlq-typo", "does not exist"}},
		{"the secret key is wrong", func(_ *rig, o *app.Options) {
			o.AWS.Credentials = credentials("AKIDLOCAL", "not the secret", nil)
		}, []string{"refuses the credentials", "AWS_PROFILE"}},
		{"the access key is unknown", func(_ *rig, o *app.Options) {
			o.AWS.Credentials = credentials("AKIDOTHER", "local-secret", nil)
		}, []string{"refuses the credentials", "AWS_PROFILE"}},
		{"the keys are empty", func(_ *rig, o *app.Options) {
			o.AWS.Credentials = credentials("", "", &sdkcredentials.StaticCredentialsEmptyError{})
		}, []string{"no AWS credentials", "static credentials are empty", "AWS_PROFILE"}},
		{"there is no Region", func(_ *rig, o *app.Options) {
			o.AWS.Region = ""
		}, []string{"no AWS Region", "AWS_REGION"}},
		{"the endpoint of SQS is no URL", func(r *rig, o *app.Options) {
			o.AWS.BaseEndpoint = aws.String("127.0.0.1:4566")
		}, []string{`"127.0.0.1:4566"`, "SQS", "https://host", "AWS_ENDPOINT_URL_SQS"}},
		{"there is no dead-letter queue", func(r *rig, _ *app.Options) {
			r.cfg.QueueURL = r.cloud.SQS.CreateQueue("alone", localcloud.QueueOptions{})
		}, []string{"no dead-letter queue", "WORKER_DLQ_URL", "alone", "redrive policy"}},
		{"the dead-letter queue is the source", func(r *rig, _ *app.Options) {
			r.cfg.DLQURL = r.queue
		}, []string{"the dead-letter queue is the source queue itself", "WORKER_DLQ_URL"}},
		{"the queues are of different kinds", func(r *rig, _ *app.Options) {
			r.cfg.DLQURL = r.cloud.SQS.CreateQueue("letters", localcloud.QueueOptions{FIFO: true})
		}, []string{"updates", "letters.fifo", "not of one kind", "both"}},
	} {
		subtest(t, c.is, layout{}, func(t *testing.T, r *rig) {
			r.send(name("thing", "new"))
			wrong := r.aws()
			o := app.Options{AWS: wrong}
			c.wrong(r, &o)
			w := r.start(func(started *app.Options) { started.AWS = o.AWS })
			began := time.Now()
			<-w.done
			if took := time.Since(began); took > time.Second {
				t.Errorf("told after %v", took)
			}
			if _, ok := errors.AsType[*app.SetupError](w.err); !ok {
				t.Fatalf("ended with %v, want a *app.SetupError", w.err)
			}
			said := w.err.Error()
			for _, word := range c.words {
				if !strings.Contains(said, word) {
					t.Errorf("%q does not say %q", said, word)
				}
			}
			if strings.Contains(said, "\n") || strings.Contains(said, "secret") || len(said) > 500 {
				t.Errorf("no clear sentence, or one that tells too much: %q", said)
			}
			if n := r.requests("ReceiveMessage"); n != 0 {
				t.Errorf("%d receives", n)
			}
			if m := r.cloud.SQS.Messages(r.queue)[0]; m.Receives != 0 {
				t.Errorf("the message was received %d times", m.Receives)
			}
		})
	}
}

func credentials(id, secret string, err error) aws.CredentialsProviderFunc {
	return func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, err
	}
}

func TestAnSQSThatDoesNotAnswerAtStartIsWaitedFor(t *testing.T) {
	for code, fault := range map[string]func() *localcloud.Fault{
		"connection":         func() *localcloud.Fault { return brokenBefore },
		"InternalError":      func() *localcloud.Fault { return internalError },
		"timeout":            hangs,
		"ServiceUnavailable": func() *localcloud.Fault { return status(503, "AWS.SimpleQueueService.ServiceUnavailable") },
	} {
		subtest(t, code, layout{}, func(t *testing.T, r *rig) {
			heal := r.sqsFails("GetQueueAttributes", fault())
			r.send(name("thing-0", "new"))
			w := r.start()
			time.Sleep(20 * time.Minute)
			select {
			case <-w.done:
				t.Fatalf("gave up: %v", w.err)
			default:
			}
			if n := r.requests("GetQueueAttributes"); n < 20 || n > 400 {
				t.Errorf("%d tries in 20 minutes", n)
			}
			if n, _ := w.metric("worker_sqs_errors_total", "action", "GetQueueAttributes", "code", code); n < 20 {
				t.Errorf("%v errors of code %s are counted", n, code)
			}
			heal()
			r.drained(time.Minute)
			w.stopped()
			r.wantAppliedOnce("thing", 1)
		})
	}
}

// Readiness names what the start waits for, and the log says it once a minute, not at
// each try.
func TestAStartThatWaitsForSQSSaysWhoAndOnceAMinute(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		heal := r.sqsFails("GetQueueAttributes", internalError)
		w := r.start()
		time.Sleep(5 * time.Minute)
		ready, text := w.Ready()
		if ready || !strings.Contains(text, "starting: GetQueueAttributes fails since") || !strings.Contains(text, "SQS is in trouble") {
			t.Errorf("ready %v: %q", ready, text)
		}
		if n := strings.Count(w.lines(), "SQS is in trouble"); n < 1 || n > 6 {
			t.Errorf("%d lines in 5 minutes", n)
		}
		heal()
		time.Sleep(time.Minute)
		if ready, text := w.Ready(); !ready {
			t.Errorf("not ready: %q", text)
		}
		w.stopped()
	})
}

func TestAStopWhileSQSIsWaitedForEndsAtOnce(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.sqsFails("GetQueueAttributes", hangs())
		w := r.start()
		time.Sleep(time.Minute)
		began := time.Now()
		if err := w.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}
