package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

const secret = "s3cret"

// letterFixture is a fixture with a cloud: a queue and its dead-letter queue.
type letterFixture struct {
	*fixture
	t          *testing.T
	cloud      *localcloud.Cloud
	queue, dlq string
}

func withLetters(t *testing.T, fifo bool, test func(f *letterFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &letterFixture{t: t, cloud: localcloud.New(localcloud.Options{})}
		f.dlq = f.cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{FIFO: fifo})
		f.queue = f.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{FIFO: fifo, DLQ: f.dlq})
		f.fresh()
		test(f)
	})
}

// fresh is the same cloud with a new command line, in these variables.
func (f *letterFixture) fresh(environ ...string) {
	f.fixture = newFixture(append(environ, "WORKER_QUEUE_URL="+f.queue)...)
	f.useCloud()
}

func (f *letterFixture) useCloud() {
	f.signals = make(chan os.Signal, 2)
	f.findQueues = func(ctx context.Context, c config.Config, o app.Options, needs app.QueueNeeds) (*app.Queues, error) {
		o.Transport = f.cloud.Transport()
		o.AWS = &aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
			}),
		}
		return app.OpenQueues(ctx, c, o, needs)
	}
}

// do runs a dlq command and checks its exit code and that it hides no letter.
func (f *letterFixture) do(code int, args ...string) (out, err string) {
	f.t.Helper()
	f.out.Reset()
	f.err.Reset()
	if got := f.run(f.t, append([]string{"dlq"}, args...)...); got != code {
		f.t.Errorf("%v: exit code %d, want %d\n%s%s", args, got, code, f.out.String(), f.err.String())
	}
	for _, m := range f.cloud.SQS.Messages(f.dlq) {
		if m.InFlight {
			f.t.Errorf("%v: letter %s stays hidden", args, m.ID)
		}
	}
	return f.out.String(), f.err.String()
}

func (f *letterFixture) letter(body string, change func(*message.Failure)) string {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	failure := message.Failure{
		Reason: message.NotFound, Code: "ResourceNotFoundException", Detail: "HTTP 404: no such thing", MessageID: "source-1", SentAt: at,
		OccurredAt: at, FailedAt: at, DedupKey: "sqs:source-1", Worker: "worker-1", Attempts: 2, Receives: 3, RequestID: "request-1",
	}
	if change != nil {
		change(&failure)
	}
	raw, _ := json.Marshal(failure)
	return f.cloud.SQS.Send(f.dlq, localcloud.Message{Body: body, GroupID: "home", Attributes: map[string]localcloud.Attribute{
		"Failure": {DataType: "String", StringValue: string(raw)}, "Own": {DataType: "Binary", BinaryValue: []byte{1, 2, 3}},
	}})
}

func invalid(f *message.Failure) {
	f.Reason, f.Code, f.Detail, f.Attempts = message.InvalidMessage, "", "two", 0
	f.Faults = []message.Fault{{Pointer: "/Owner", Rule: "length 1 to 64", Detail: "a string of length 70"}, {Pointer: "/Nam", Rule: "unknown member", Detail: `did you mean "Name"?`}}
}

// some puts five letters of three groups in the queue, and returns the id of an
// invalid one.
func (f *letterFixture) some() string {
	for i := range 3 {
		f.letter(fmt.Sprintf(`{"Identifier":"lamp-%d","Name":"x"}`, i), nil)
		time.Sleep(time.Hour)
	}
	id := f.letter(`{"Identifier":"lock","Owner":"`+secret+`","Nam":"`+secret+`"}`, invalid)
	f.cloud.SQS.Send(f.dlq, localcloud.Message{Body: "Owner: " + secret, GroupID: "home"})
	time.Sleep(2 * time.Second)
	return id
}

// rows are a table's lines with single spaces.
func rows(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "\n")
}

func (f *letterFixture) contains(text string, parts ...string) {
	f.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			f.t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func TestDLQList(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		f.some()
		out, said := f.do(0, "list")
		f.contains(rows(out), "updates-dlq: 5 letters",
			"3 not_found ResourceNotFoundException - 3h 1h ", " lamp-0",
			"1 invalid_message - /Owner 5s 5s ", " lock",
			"1 foreign - - 5s 5s ")
		f.contains(said, "looking used one receive of each letter: 5 letters,", "5 given back")
		for _, m := range f.cloud.SQS.Messages(f.dlq) {
			if m.Receives != 1 {
				t.Errorf("letter %s was received %d times", m.ID, m.Receives)
			}
		}

		out, _ = f.do(0, "list", "--json", "--reason", "invalid_message,foreign", "--older-than", "1s", "--newer-than", "1d")
		var l listing
		if err := json.Unmarshal([]byte(out), &l); err != nil || l.Letters != 2 || l.Looked != 5 || !l.All || len(l.Groups) != 2 || l.Groups[1].Pointer != "/Owner" || l.Groups[1].Sample.Thing != "lock" {
			t.Errorf("%v %s", err, out)
		}
		out, said = f.do(0, "list", "--limit", "2")
		f.contains(out, "updates-dlq: 2 letters")
		f.contains(said, "stopped after 2 letters")
		if strings.Contains(out+said, secret) {
			t.Error("a sensitive value is shown")
		}
	})
}

func TestDLQListSavesLetters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letters.jsonl")
	withLetters(t, false, func(f *letterFixture) {
		f.some()
		_, said := f.do(0, "list", "--output", path, "--reason", "not_found")
		f.contains(said, "3 letters were saved to "+path)
		_, said = f.do(2, "list", "--output", path)
		f.contains(said, "--output: "+path+" exists already")

		out, _ := f.do(0, "redrive", "--from", path, "--dry-run")
		f.contains(rows(out), "would move 3 letters; none is moved now", "3 valid: applied,")
		out, _ = f.do(0, "redrive", "--from", path, "--thing", "lamp-1")
		f.contains(out, "1 letter was moved to updates", "2 left out by the filters")
		if n := f.cloud.SQS.Len(f.dlq); n != 5 {
			t.Errorf("%d letters in the dead-letter queue, want 5", n)
		}
		_, said = f.do(2, "redrive", "--from", path+"-none")
		f.contains(said, "--from: ")
		_, said = f.do(2, "redrive", "--from", path, "--stop-after", "3")
		f.contains(said, "--stop-after: with --from")
	})
}

func TestDLQShow(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		id := f.some()
		out, _ := f.do(0, "show", id)
		f.contains(rows(out), "letter "+id+" in updates-dlq", "thing lock", "why invalid_message: the message breaks the API's own rules; no call was made",
			"fault /Owner: length 1 to 64: a string of length 70", "fault /Nam: unknown member", "ago) by worker worker-1, after 0 failures that counted and 3 receives",
			"attribute Own = Binary of 3 bytes", "message group home", `"Owner": "(hidden: a string of length 6)"`, `"Nam": "(hidden: a string of length 6, of no member that the API has)"`)
		foreign := f.cloud.SQS.Messages(f.dlq)[4].ID
		hidden, _ := f.do(0, "show", foreign)
		f.contains(hidden, "foreign", "body: hidden, 13 bytes")
		if strings.Contains(out+hidden, secret) {
			t.Errorf("a sensitive value is shown:\n%s%s", out, hidden)
		}
		for _, id := range []string{id, foreign} {
			out, _ := f.do(0, "show", id, "--sensitive")
			f.contains(out, secret)
		}
		out, _ = f.do(0, "show", "source-1")
		f.contains(rows(out), "error ResourceNotFoundException HTTP 404: no such thing", "last request request-1", "message source-1", "what to do register the thing")
		_, said := f.do(1, "show", "nothing")
		f.contains(said, `no letter "nothing" is among the 5 letters of updates-dlq`)
	})
}

func TestDLQRedrive(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		f.some()
		out, _ := f.do(1, "redrive", "--dry-run")
		f.contains(rows(out), "would move 4 letters, refuse 1 without a time; none is moved now", "3 valid: applied", "1 still invalid: comes back /Nam", "1 no time of its event: refused without --force")
		out, _ = f.do(0, "redrive", "--dry-run", "--force", "--reason", "foreign")
		f.contains(out, "would move 1 letter, and leave 4 (left out by the filters")
		out, said := f.do(1, "redrive")
		f.contains(out, "4 letters were moved to updates\n", "1 refused: nothing on them says when")
		f.contains(said, "1 given back")
		if n := f.cloud.SQS.Len(f.queue); n != 4 {
			t.Errorf("%d messages in the source queue", n)
		}
		out, _ = f.do(0, "redrive", "--force", "--json")
		var sums map[string]int
		if err := json.Unmarshal([]byte(out), &sums); err != nil || sums["moved"] != 1 {
			t.Errorf("%v %s", err, out)
		}
		out, _ = f.do(0, "redrive")
		f.contains(out, "0 letters were moved")
	})
}

func TestDLQRedriveStopsAtTheSameFault(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		for i := range 100 {
			f.letter(`{"Identifier":"a","Name":"x"}`, func(l *message.Failure) { l.MessageID = fmt.Sprint("source-", i) })
		}
		ctx, stop := context.WithCancel(f.t.Context())
		done := make(chan struct{})
		go func() { // a worker that gives the first two up again
			defer close(done)
			for n := 0; n < 2 && ctx.Err() == nil; time.Sleep(time.Second) {
				for range f.cloud.SQS.Messages(f.queue) {
					if n < 2 {
						f.letter("not JSON", func(l *message.Failure) { invalid(l); l.MessageID = fmt.Sprint("source-", n) })
						n++
					}
				}
			}
		}()
		time.Sleep(2 * time.Second)
		out, said := f.do(1, "redrive", "--stop-after", "2", "--rate", "5")
		stop()
		<-done
		f.contains(out, "2 came back after they were moved", "not moved any more")
		f.contains(said, "stopped: 2 letters came back with the same fault, invalid_message at /Owner; worker dlq list shows them")
	})
}

func TestDLQRedriveInterrupted(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		for i := range 100 {
			f.letter(`{"Identifier":"a","Name":"x"}`, func(l *message.Failure) { l.MessageID = fmt.Sprint("source-", i) })
		}
		signals := make(chan os.Signal, 2)
		f.signals = signals
		time.AfterFunc(25*time.Second, func() { signals <- os.Interrupt })
		out, said := f.do(1, "redrive", "--rate", "2")
		f.contains(out, " letters were moved to updates\n", "not moved any more")
		f.contains(said, "moved 20, done with 20 of about 100 letters", "worker: stopped: received SIGINT")
		if n := f.cloud.SQS.Len(f.dlq) + f.cloud.SQS.Len(f.queue); n != 100 {
			t.Errorf("%d letters", n)
		}
	})
}

func TestDLQFindsItsQueues(t *testing.T) {
	withLetters(t, true, func(f *letterFixture) {
		f.letter(`{"Identifier":"a","Name":"x"}`, nil)
		by := func(variables ...string) {
			f.fixture = newFixture(variables...)
			f.useCloud()
		}
		by("WORKER_DLQ_URL=" + f.dlq) // the source is the one queue that uses it
		f.do(0, "list")
		out, _ := f.do(0, "redrive")
		f.contains(out, "1 letter was moved to updates.fifo")
		by("WORKER_QUEUE_URL="+f.queue, "WORKER_POLLERS=none") // the worker's affair
		f.do(0, "list")
		by()
		out, _ = f.do(0, "list", "--dlq-url", f.dlq)
		f.contains(out, "updates-dlq.fifo: 0 letters")
		_, said := f.do(2, "list")
		f.contains(said, "no queue is named; set WORKER_DLQ_URL")
		_, said = f.do(2, "redrive", "--dlq-url", f.queue)
		f.contains(said, "no queue's redrive policy names "+f.queue+"; set WORKER_QUEUE_URL")
		_, said = f.do(2, "list", "--dlq-url", f.dlq+"-none")
		f.contains(said, "does not exist")
		_, said = f.do(2, "redrive", "--dlq-url", f.dlq, "--queue-url", f.cloud.SQS.CreateQueue("standard", localcloud.QueueOptions{}))
		f.contains(said, "FIFO")
		f.cloud.SQS.CreateQueue("second", localcloud.QueueOptions{FIFO: true, DLQ: f.dlq})
		_, said = f.do(2, "redrive", "--dlq-url", f.dlq)
		f.contains(said, "2 queues have their dead letters in", "second.fifo, ", "set WORKER_QUEUE_URL")
		_, said = f.do(2, "list", "--queue-url", "nonsense")
		f.contains(said, "WORKER_QUEUE_URL")
	})
}

func TestDLQWarnsOfTheQueuesOwnRedrivePolicy(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		f.cloud.SQS.CreateQueue("graveyard", localcloud.QueueOptions{})
		dlq := f.cloud.SQS.CreateQueue("second-dlq", localcloud.QueueOptions{DLQ: "graveyard", MaxReceiveCount: 3})
		_, said := f.do(0, "list", "--dlq-url", dlq)
		f.contains(said, "warning: the dead-letter queue has a redrive policy of its own: a letter received 3 times is moved on to arn:aws:sqs:eu-west-1:000000000000:graveyard")
	})
}

func TestDLQSaysWhatAFIFOQueueDoesNotShow(t *testing.T) {
	withLetters(t, true, func(f *letterFixture) {
		for i := range 30 {
			f.letter(`{"Identifier":"a","Name":"x"}`, func(l *message.Failure) { l.MessageID = fmt.Sprint("source-", i) })
		}
		out, said := f.do(0, "list")
		f.contains(out, "10 letters")
		f.contains(said, "about 20 letters were not seen: they stand behind others of their message group")
		out, _ = f.do(0, "redrive", "--rate", "0")
		f.contains(out, "30 letters were moved")
	})
}

func TestDLQWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"list", "--reason", "bad"},
		{"list", "--older-than", "yesterday"},
		{"list", "--limit", "0"},
		{"list", "more"},
		{"show"},
		{"redrive", "--rate", "-1"},
		{"redrive", "--rate", "NaN"},
		{"redrive", "--limit", "-1"},
		{"redrive", "--stop-after", "-1"},
		{"lst"},
	} {
		f := newFixture(queueVar)
		if code := f.run(t, append([]string{"dlq"}, args...)...); code != 2 || !strings.HasPrefix(f.err.String(), "worker: ") {
			t.Errorf("%v: exit code %d, %s", args, code, f.err.String())
		}
	}
}

func TestDLQWhereSQSDoesNotAnswer(t *testing.T) {
	withLetters(t, false, func(f *letterFixture) {
		f.cloud.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault { return &localcloud.Fault{Status: 503} }
		_, said := f.do(1, "list")
		f.contains(said, "; trying again", "SQS has not answered in 30s")
	})
}
