package localcloud_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/localcloud"
)

type systemAttribute = types.MessageSystemAttributeName

func TestALeaseHidesAMessageUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		c.SQS.Send(q.url, localcloud.Message{Body: "a"})

		first := q.receive(0)
		want(t, "first receive", bodies(first), "a")
		want(t, "while in flight", bodies(q.receive(0)), "")
		time.Sleep(31 * time.Second)
		second := q.receive(0)
		want(t, "after the lease", bodies(second), "a")
		want(t, "count", second.Messages[0].Attributes["ApproximateReceiveCount"], "2")
		want(t, "first received", second.Messages[0].Attributes["ApproximateFirstReceiveTimestamp"], first.Messages[0].Attributes["ApproximateFirstReceiveTimestamp"])

		if err := q.delete(first.Messages[0].ReceiptHandle); err != nil {
			t.Errorf("a delete with an old handle should succeed, and delete nothing: %v", err)
		}
		want(t, "still stored", c.SQS.Len(q.url), 1)
		wantCode(t, q.setVisibility(first.Messages[0].ReceiptHandle, 60), "InvalidParameterValue")

		if err := q.setVisibility(second.Messages[0].ReceiptHandle, 100); err != nil {
			t.Error(err)
		}
		time.Sleep(99 * time.Second)
		want(t, "while the lease is longer", bodies(q.receive(0)), "")
		if err := q.setVisibility(second.Messages[0].ReceiptHandle, 0); err != nil {
			t.Error(err)
		}
		third := q.receive(0)
		want(t, "after release", bodies(third), "a")
		time.Sleep(time.Minute)
		if err := q.delete(third.Messages[0].ReceiptHandle); err != nil {
			t.Errorf("a late delete of a message not received again: %v", err)
		}
		want(t, "stored", c.SQS.Len(q.url), 0)
		wantCode(t, q.setVisibility(third.Messages[0].ReceiptHandle, 60), "InvalidParameterValue")
	})
}

func TestALeaseIsAtMost12Hours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{Visibility: 12 * time.Hour})
		c.SQS.Send(q.url, localcloud.Message{Body: "a"})
		m := q.receive(0).Messages[0]
		time.Sleep(time.Hour)
		wantCode(t, q.setVisibility(m.ReceiptHandle, 43201), "InvalidParameterValue")
		wantCode(t, q.setVisibility(m.ReceiptHandle, 11*3600+1), "InvalidParameterValue")
		if err := q.setVisibility(m.ReceiptHandle, 11*3600); err != nil {
			t.Error(err)
		}
	})
}

func TestALongPollEndsWithAMessageOrItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		began := time.Now()
		want(t, "empty poll", bodies(q.receive(20)), "")
		want(t, "its time", time.Since(began), 20*time.Second)

		time.AfterFunc(3*time.Second, func() { c.SQS.Send(q.url, localcloud.Message{Body: "sent"}) })
		began = time.Now()
		got := q.receive(20)
		want(t, "poll", bodies(got), "sent")
		want(t, "its time", time.Since(began), 3*time.Second)

		began = time.Now() // the lease of 30s ends during the second poll
		q.receive(20)
		want(t, "poll", bodies(q.receive(20)), "sent")
		want(t, "their time", time.Since(began), 30*time.Second)

		c.SQS.Send(q.url, localcloud.Message{Body: "later", Delay: 7 * time.Second})
		began = time.Now()
		want(t, "poll", bodies(q.receive(20)), "later")
		want(t, "its time", time.Since(began), 7*time.Second)
	})
}

func TestAnAbortedPollTakesNothingUnlessToldTo(t *testing.T) {
	for _, strand := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := localcloud.New(localcloud.Options{})
			c.SQS.StrandAbortedPolls = strand
			q := newQueue(t, c, "q", localcloud.QueueOptions{})
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(errors.New("enough")) })
			began := time.Now()
			if _, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, WaitTimeSeconds: 20}); err == nil {
				t.Error("a cancelled poll should fail")
			}
			want(t, "its time", time.Since(began), time.Second)
			c.SQS.Send(q.url, localcloud.Message{Body: "a"})
			synctest.Wait()
			want(t, "in flight", c.SQS.Messages(q.url)[0].InFlight, strand)
			time.Sleep(20 * time.Second)
		})
	}
}

func TestRedriveKeepsWhatAMessageIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		dlq := newQueue(t, c, "dlq", localcloud.QueueOptions{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{DLQ: "dlq", MaxReceiveCount: 2, Visibility: 5 * time.Second})
		id := c.SQS.Send(q.url, localcloud.Message{
			Body: "a", GroupID: "tenant", TraceHeader: "Root=1-2-3",
			Attributes: map[string]localcloud.Attribute{"N": {DataType: "Number", StringValue: "1"}, "B": {DataType: "Binary", BinaryValue: []byte{0, 255}}},
		})
		sentAt := strconv.FormatInt(time.Now().UnixMilli(), 10)
		for range 2 {
			want(t, "receive", bodies(q.receive(0)), "a")
			time.Sleep(6 * time.Second)
		}
		want(t, "third receive", bodies(q.receive(0)), "")
		want(t, "left in the source", c.SQS.Len(q.url), 0)
		m := dlq.receive(0).Messages[0]
		want(t, "id", *m.MessageId, id)
		for name, value := range map[string]string{
			"SentTimestamp": sentAt, "ApproximateReceiveCount": "3", "MessageGroupId": "tenant", "AWSTraceHeader": "Root=1-2-3",
			"DeadLetterQueueSourceArn": "arn:aws:sqs:eu-west-1:000000000000:q",
		} {
			want(t, name, m.Attributes[name], value)
		}
		want(t, "number", *m.MessageAttributes["N"].StringValue, "1")
		want(t, "binary", string(m.MessageAttributes["B"].BinaryValue), "\x00\xff")
		sources, err := dlq.client.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dlq.url})
		if err != nil || !slices.Equal(sources.QueueUrls, []string{q.url}) {
			t.Errorf("sources = %v, %v", sources, err)
		}
	})
}

func TestFIFOGroupsGoInOrderAndBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{FIFO: true, Visibility: 10 * time.Second})
		send := func(group, body string) { c.SQS.Send(q.url, localcloud.Message{Body: body, GroupID: group}) }
		send("A", "a1")
		send("B", "b1")
		send("A", "a2")
		first := q.receive(0)
		want(t, "both groups, each in order", bodies(first), "a1a2b1")
		if a, b := first.Messages[0].Attributes["SequenceNumber"], first.Messages[1].Attributes["SequenceNumber"]; len(a) != 20 || a >= b {
			t.Errorf("sequence numbers %q, %q", a, b)
		}
		send("A", "a3")
		send("C", "c1")
		third := q.receive(0)
		want(t, "A is blocked", bodies(third), "c1")
		if err := q.delete(first.Messages[0].ReceiptHandle); err != nil {
			t.Fatal(err)
		}
		want(t, "A is blocked by a2", bodies(q.receive(0)), "")
		if err := q.setVisibility(first.Messages[1].ReceiptHandle, 0); err != nil {
			t.Fatal(err)
		}
		want(t, "a2 before a3", bodies(q.receive(0)), "a2a3")
		wantCode(t, q.delete(first.Messages[1].ReceiptHandle), "InvalidParameterValue") // received again since
		time.Sleep(11 * time.Second)
		wantCode(t, q.delete(third.Messages[0].ReceiptHandle), "InvalidParameterValue") // expired
		want(t, "all but a1, the oldest group first", bodies(q.receive(0)), "b1a2a3c1")
	})
}

func TestFIFODeduplicatesForFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q.fifo", localcloud.QueueOptions{FIFO: true, ContentBasedDedup: true})
		send := func() *sqs.SendMessageOutput {
			out, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("a"), MessageGroupId: aws.String("g")})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		first := send()
		if err := q.delete(q.receive(0).Messages[0].ReceiptHandle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		second := send()
		want(t, "id", *second.MessageId, *first.MessageId)
		want(t, "sequence number", *second.SequenceNumber, *first.SequenceNumber)
		want(t, "stored", c.SQS.Len(q.url), 0)
		time.Sleep(time.Minute)
		if third := send(); *third.MessageId == *first.MessageId {
			t.Error("5 minutes later it is a new message")
		}
	})
}

func TestRedeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		id := c.SQS.Send(q.url, localcloud.Message{Body: "a"})
		first := q.receive(0).Messages[0]
		c.SQS.Redeliver(q.url, id)
		if err := q.delete(first.ReceiptHandle); err != nil {
			t.Fatal(err)
		}
		second := q.receive(0).Messages[0]
		want(t, "id", *second.MessageId, id)
		want(t, "count", second.Attributes["ApproximateReceiveCount"], "2")
		if err := q.delete(second.ReceiptHandle); err != nil {
			t.Fatal(err)
		}
		want(t, "stored", c.SQS.Len(q.url), 0)
		c.SQS.Redeliver(q.url, id)
		want(t, "after its delete", *q.receive(0).Messages[0].MessageId, id)
	})
}

func TestDuplicatesMayShareAReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		c.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Duplicate: 1}})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		c.SQS.Send(q.url, localcloud.Message{Body: "a"})
		out := q.receive(0)
		want(t, "receive", bodies(out), "aaaa")
		handles := map[string]bool{}
		for _, m := range out.Messages {
			handles[*m.ReceiptHandle] = true
		}
		want(t, "different handles", len(handles), 4)
	})
}

func TestBatchesHaveAFateForEachEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		c.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
			if i.Action == "DeleteMessageBatch" && i.N == 1 {
				return &localcloud.Fault{Entries: map[string]string{"1": "InternalError", "c": "senderFault:AccessDenied"}}
			}
			return nil
		}
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		sendOut, err := q.client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("1"), MessageBody: aws.String("a")},
			{Id: aws.String("2"), MessageBody: aws.String("b\x01")},
			{Id: aws.String("3"), MessageBody: aws.String("c"), MessageAttributes: map[string]types.MessageAttributeValue{"x": {DataType: aws.String("String"), StringValue: aws.String("y")}}},
			{Id: aws.String("4"), MessageBody: aws.String("d")},
		}})
		if err != nil || len(sendOut.Successful) != 3 || len(sendOut.Failed) != 1 || *sendOut.Failed[0].Code != "InvalidMessageContents" {
			t.Fatalf("SendMessageBatch: %+v, %v", sendOut, err)
		}
		entries := []types.DeleteMessageBatchRequestEntry{}
		for i, m := range q.receive(0).Messages {
			entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(string(rune('a' + i))), ReceiptHandle: m.ReceiptHandle})
		}
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String("z"), ReceiptHandle: aws.String("garbage")})
		out, err := q.client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			t.Fatal(err)
		}
		failed := map[string]string{}
		for _, f := range out.Failed {
			failed[*f.Id] = *f.Code + " " + strconv.FormatBool(f.SenderFault)
		}
		if !maps.Equal(failed, map[string]string{"b": "InternalError false", "c": "AccessDenied true", "z": "ReceiptHandleIsInvalid true"}) {
			t.Errorf("failed = %v", failed)
		}
		want(t, "left", c.SQS.Len(q.url), 2)
	})
}

func TestRequestsThatSQSRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		fifo := newQueue(t, c, "f", localcloud.QueueOptions{FIFO: true})
		send := func(q queue, change func(*sqs.SendMessageInput)) error {
			in := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("a")}
			change(in)
			_, err := q.client.SendMessage(t.Context(), in)
			return err
		}
		attribute := func(n int, dataType, value string) map[string]types.MessageAttributeValue {
			m := map[string]types.MessageAttributeValue{}
			for i := range n {
				m["n"+strconv.Itoa(i)] = types.MessageAttributeValue{DataType: &dataType, StringValue: &value}
			}
			return m
		}
		batchOf := func(ids ...string) error {
			in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: []types.DeleteMessageBatchRequestEntry{}}
			for _, id := range ids {
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: aws.String("x")})
			}
			_, err := q.client.DeleteMessageBatch(t.Context(), in)
			return err
		}
		const invalid = "InvalidParameterValue"
		big := strings.Repeat("x", 1<<20)
		for name, c := range map[string]struct {
			err  error
			code string
		}{
			"no queue":             {send(q, func(in *sqs.SendMessageInput) { in.QueueUrl = aws.String(q.url + "x") }), "AWS.SimpleQueueService.NonExistentQueue"},
			"a mebibyte":           {send(q, func(in *sqs.SendMessageInput) { in.MessageBody = &big }), ""},
			"more than a mebibyte": {send(q, func(in *sqs.SendMessageInput) { in.MessageBody = aws.String(big + "x") }), invalid},
			"with its attributes": {send(q, func(in *sqs.SendMessageInput) {
				in.MessageBody = &big
				in.MessageAttributes = attribute(1, "String", "x")
			}), invalid},
			"ten attributes":           {send(q, func(in *sqs.SendMessageInput) { in.MessageAttributes = attribute(10, "String", "x") }), ""},
			"eleven attributes":        {send(q, func(in *sqs.SendMessageInput) { in.MessageAttributes = attribute(11, "String", "x") }), invalid},
			"no number":                {send(q, func(in *sqs.SendMessageInput) { in.MessageAttributes = attribute(1, "Number", "x") }), invalid},
			"no type":                  {send(q, func(in *sqs.SendMessageInput) { in.MessageAttributes = attribute(1, "Text", "x") }), invalid},
			"no text":                  {send(q, func(in *sqs.SendMessageInput) { in.MessageBody = aws.String("\uFFFF") }), "InvalidMessageContents"},
			"delay":                    {send(q, func(in *sqs.SendMessageInput) { in.DelaySeconds = 901 }), invalid},
			"group on standard":        {send(q, func(in *sqs.SendMessageInput) { in.MessageGroupId = aws.String("g") }), ""},
			"deduplication, standard":  {send(q, func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = aws.String("g") }), invalid},
			"no group, FIFO":           {send(fifo, func(in *sqs.SendMessageInput) { in.MessageDeduplicationId = aws.String("g") }), "MissingParameter"},
			"no deduplication, FIFO":   {send(fifo, func(in *sqs.SendMessageInput) { in.MessageGroupId = aws.String("g") }), invalid},
			"garbage handle":           {q.delete(aws.String("garbage")), "ReceiptHandleIsInvalid"},
			"handle of another queue":  {otherQueuesHandle(c, q, fifo), "ReceiptHandleIsInvalid"},
			"empty batch":              {batchOf(), "AWS.SimpleQueueService.EmptyBatchRequest"},
			"eleven entries":           {batchOf("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
			"the same id twice":        {batchOf("0", "0"), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
			"an id with a space":       {batchOf("a b"), "AWS.SimpleQueueService.InvalidBatchEntryId"},
			"no such system attribute": {receiveAttribute(q, "Nope"), "InvalidAttributeName"},
		} {
			if code(c.err) != c.code || c.err != nil && c.code == "" {
				t.Errorf("%s: %v, want code %q", name, c.err, c.code)
			}
		}
		if _, ok := errors.AsType[*types.QueueDoesNotExist](send(q, func(in *sqs.SendMessageInput) { in.QueueUrl = aws.String("x") })); !ok {
			t.Error("a queue that does not exist should be the modelled error")
		}
	})
}

func otherQueuesHandle(c *localcloud.Cloud, q, other queue) error {
	c.SQS.Send(q.url, localcloud.Message{Body: "a"})
	return other.delete(q.receive(0).Messages[0].ReceiptHandle)
}

func receiveAttribute(q queue, name systemAttribute) error {
	_, err := q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url, MessageSystemAttributeNames: []systemAttribute{name}})
	return err
}

func TestQueuesAndTheirAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := queueClient(localcloud.New(localcloud.Options{}), goodCredentials)
		ctx := t.Context()
		made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "7"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "8"}})
		wantCode(t, err, "QueueAlreadyExists")
		if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("d.fifo"), Attributes: map[string]string{"FifoQueue": "true"}}); err != nil {
			t.Fatal(err)
		}
		policy := func(dlq string) error {
			_, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: map[string]string{
				"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:` + dlq + `","maxReceiveCount":"5"}`,
			}})
			return err
		}
		wantCode(t, policy("d.fifo"), "InvalidParameterValue")
		wantCode(t, policy("none"), "InvalidParameterValue")
		got, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
		if err != nil || *got.QueueUrl != *made.QueueUrl {
			t.Errorf("GetQueueUrl: %v, %v", got, err)
		}
		attrs, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{"VisibilityTimeout", "QueueArn", "RedrivePolicy"}})
		if err != nil || !maps.Equal(attrs.Attributes, map[string]string{"VisibilityTimeout": "7", "QueueArn": "arn:aws:sqs:eu-west-1:000000000000:q"}) {
			t.Errorf("GetQueueAttributes: %+v, %v", attrs, err)
		}
		if _, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl}); err != nil {
			t.Fatal(err)
		}
		_, err = client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
		wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	})
}

func TestSQSChecksSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, creds := range map[string]aws.Credentials{
			"":                      goodCredentials,
			"InvalidClientTokenId":  {AccessKeyID: "other", SecretAccessKey: "local-secret"},
			"SignatureDoesNotMatch": {AccessKeyID: "AKIDLOCAL", SecretAccessKey: "other"},
			"ExpiredToken":          {AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret", SessionToken: localcloud.ExpiredSessionToken},
		} {
			_, err := queueClient(localcloud.New(localcloud.Options{}), creds).ListQueues(t.Context(), &sqs.ListQueuesInput{})
			wantCode(t, err, want)
		}
		_, err := queueClient(localcloud.New(localcloud.Options{AccessKey: localcloud.AnySignature}), aws.Credentials{AccessKeyID: "x", SecretAccessKey: "y"}).ListQueues(t.Context(), &sqs.ListQueuesInput{})
		wantCode(t, err, "")
	})
}

func TestFaultsOfSQS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		var next atomic.Pointer[localcloud.Fault]
		c.Faults.OnSQS = func(localcloud.SQSInfo) *localcloud.Fault { return next.Load() }
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		stored := func() int { return c.SQS.Len(q.url) }
		send := func(f *localcloud.Fault) error {
			next.Store(f)
			defer func() { next.Store(nil) }()
			_, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String("a")})
			return err
		}
		wantCode(t, send(&localcloud.Fault{Status: 503, Code: "ServiceUnavailable"}), "ServiceUnavailable")
		want(t, "stored", stored(), 0)
		if err := send(&localcloud.Fault{BreakBefore: true}); err == nil || code(err) != "" {
			t.Errorf("broken before: %v", err)
		}
		want(t, "stored", stored(), 0)
		if err := send(&localcloud.Fault{BreakAfter: true}); err == nil || code(err) != "" {
			t.Errorf("broken after: %v", err)
		}
		want(t, "stored", stored(), 1)
		if err := send(&localcloud.Fault{ApplyLate: time.Hour}); err == nil {
			t.Error("an answer should be lost")
		}
		want(t, "stored", stored(), 1)
		time.Sleep(time.Hour + time.Second)
		want(t, "stored", stored(), 2)
		next.Store(&localcloud.Fault{ReceiveNothing: true})
		want(t, "received", bodies(q.receive(20)), "")
		next.Store(&localcloud.Fault{Delay: time.Minute})
		began := time.Now()
		want(t, "received", bodies(q.receive(20)), "aa")
		want(t, "its time", time.Since(began), time.Minute)
	})
}
