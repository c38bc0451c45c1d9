package consumer_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// The real client and the real letters, over the queue's real protocol, with
// requests and entries that fail and messages that are delivered twice.
func TestWithTheRealClient(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprintf("fifo=%v", fifo), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { realClient(t, fifo) })
		})
	}
}

func realClient(t *testing.T, fifo bool) {
	cloud := localcloud.New(localcloud.Options{Seed: 1})
	suffix := ""
	if fifo {
		suffix = ".fifo"
	}
	dlq := cloud.SQS.CreateQueue("letters"+suffix, localcloud.QueueOptions{FIFO: fifo})
	source := cloud.SQS.CreateQueue("updates"+suffix, localcloud.QueueOptions{FIFO: fifo, DLQ: "letters" + suffix, MaxReceiveCount: 100})
	cloud.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Partial: .1, Duplicate: .1, Error: .05}})
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:4566"),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDLOCAL", "local-secret", ""),
		HTTPClient:  &http.Client{Transport: cloud.Transport()},
	})

	inbox, m, log := newInbox(), telemetry.NewMetrics(), zap.NewNop()
	var n atomic.Int32
	inbox.on = func(d *consumer.Delivery) {
		i := n.Add(1)
		time.AfterFunc(time.Duration(i%400)*time.Second, func() { // longer than a lease
			switch {
			case i%10 == 0:
				u, _ := message.Decode(d.Message().Incoming, message.Options{})
				d.DeadLetter(&u, message.Failure{Reason: message.InvalidMessage})
			case i%17 == 0:
				d.Release(time.Second)
			default:
				d.Settle(message.Applied)
			}
		})
	}
	o := defaults()
	o.QueueURL = source
	c := consumer.New(client, deadletter.NewWriter(client, dlq, "test", m, log), inbox, m, log, o)
	for i := range 300 {
		sent := localcloud.Message{Body: fmt.Sprint(i)}
		if fifo {
			sent.GroupID, sent.DedupID = fmt.Sprint("group", i%7), fmt.Sprint(i)
		}
		cloud.SQS.Send(source, sent)
	}

	r := &rig{Consumer: c, t: t, metrics: m}
	r.begin()
	pass(2 * time.Hour)
	r.stopReceiving()
	<-r.received
	r.flush()
	if left := cloud.SQS.Messages(source); len(left) != 0 {
		t.Errorf("%d messages left in the queue, the first %+v", len(left), left[0])
	}
	letters := map[string]int{}
	for _, l := range cloud.SQS.Messages(dlq) {
		letters[l.Body]++
	}
	s := c.Stats()
	if s.Held != 0 || s.Settling != 0 || s.Received < 300 || len(letters) < 20 {
		t.Errorf("%d letters, %+v", len(letters), s)
	}
	if most := slices.Max(slices.Collect(maps.Values(letters))); most != 1 {
		t.Errorf("%d letters of one message", most)
	}
	r.stopKeeping()
	<-r.kept
	r.checkCounts()
}
