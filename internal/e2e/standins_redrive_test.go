package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/retry"
)

// movedBack has a worker dead-letter messages, looks at the letters, and moves them
// back, all against somebody else's SQS.
func (o *outside) movedBack(t *testing.T) {
	const n = 25
	fifo := strings.HasSuffix(o.queue, ".fifo")
	for i := range n {
		m := outgoing{
			body:       fmt.Sprintf(`{"Identifier":"thing-%d","Nmae":"x"}`, i),
			attributes: map[string]message.Attribute{"binary": {DataType: "Binary.png", BinaryValue: []byte{0, 1, 0xff}}, "text": {DataType: "String", StringValue: "é 灯"}},
		}
		if fifo {
			m.group = fmt.Sprint("group-", i) // of a group, SQS shows no more than the first ten
		}
		o.sendAll(m)
	}
	w := o.start()
	o.drained()
	w.stopped()

	client := sqs.NewFromConfig(o.awsConf, func(so *sqs.Options) { so.Retryer = aws.NopRetryer{} })
	policy := retry.Policy{Base: 100 * time.Millisecond, Max: time.Second}
	box := mailbox.Open(client, o.dlq, policy)
	var groups mailbox.Groups
	before := map[string]*mailbox.Letter{}
	for l, err := range mailbox.All(t.Context(), box) {
		if err != nil {
			t.Fatal(err)
		}
		groups.Add(l)
		before[l.Message.Body] = l
		if l.Failure == nil || l.Failure.Reason != message.InvalidMessage || l.Message.Receives != 1 {
			t.Errorf("%+v, received %d times", l.Failure, l.Message.Receives)
		}
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if g := groups.Sorted(); len(g) != 1 || g[0].Count != n || g[0].Pointer != "/Nmae" {
		t.Errorf("%+v", g)
	}

	box = mailbox.Open(client, o.dlq, policy)
	sums, why, err := redrive.Run(t.Context(), box, mailbox.NewSender(client, o.queue, policy), redrive.Options{Rules: redrive.Rules{MaxReceives: 100}})
	if err := errors.Join(why, err, box.Close(t.Context())); err != nil || sums.Moved != n {
		t.Errorf("%+v, %v", sums, err)
	}
	after := o.take(n)
	for body, l := range before {
		m, ok := after[body]
		if !ok {
			t.Errorf("%s was not moved", body)
			continue
		}
		if names := slices.Sorted(maps.Keys(m.MessageAttributes)); !slices.Equal(names, slices.Sorted(maps.Keys(l.Message.Attributes))) {
			t.Errorf("attributes %v, were %v", names, slices.Sorted(maps.Keys(l.Message.Attributes)))
		}
		for name, was := range l.Message.Attributes {
			is := m.MessageAttributes[name]
			if aws.ToString(is.DataType) != was.DataType || aws.ToString(is.StringValue) != was.StringValue || !bytes.Equal(is.BinaryValue, was.BinaryValue) {
				t.Errorf("attribute %s is %+v, was %+v", name, is, was)
			}
		}
		if fifo && (m.Attributes["MessageGroupId"] != l.Message.GroupID || m.Attributes["MessageDeduplicationId"] == l.DeduplicationID) {
			t.Errorf("group %q, was %q; deduplication id %q", m.Attributes["MessageGroupId"], l.Message.GroupID, m.Attributes["MessageDeduplicationId"])
		}
	}
	if left := o.attributes(o.dlq); left["ApproximateNumberOfMessages"] != "0" || left["ApproximateNumberOfMessagesNotVisible"] != "0" {
		t.Errorf("letters are left: %v", left)
	}
}

// take takes n messages out of the source queue, by their body.
func (o *outside) take(n int) map[string]types.Message {
	o.t.Helper()
	taken := map[string]types.Message{}
	o.until(fmt.Sprintf("%d messages", n), patience, func() bool {
		out, err := o.sqs.ReceiveMessage(o.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &o.queue, MaxNumberOfMessages: 10, VisibilityTimeout: 600,
			MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			o.t.Fatal(err)
		}
		for _, m := range out.Messages {
			taken[aws.ToString(m.Body)] = m
			if _, err := o.sqs.DeleteMessage(o.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &o.queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				o.t.Fatal(err)
			}
		}
		return len(taken) >= n
	})
	return taken
}
