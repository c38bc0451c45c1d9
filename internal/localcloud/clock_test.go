package localcloud_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/localcloud"
)

func TestACloudWhoseClockIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{ClockAhead: 10 * time.Minute})
		q := newQueue(t, c, "q", localcloud.QueueOptions{})
		c.SQS.Send(q.url, localcloud.Message{Body: "a"})
		in := &sqs.ReceiveMessageInput{QueueUrl: &q.url, MessageSystemAttributeNames: []systemAttribute{"All"}}
		_, err := q.client.ReceiveMessage(t.Context(), in)
		wantCode(t, err, "SignatureDoesNotMatch")
		out, err := q.client.ReceiveMessage(t.Context(), in) // the client has learned what time it is
		want(t, "error", err, nil)
		there, _ := awsmiddleware.GetServerTime(out.ResultMetadata)
		want(t, "Date", time.Until(there), 10*time.Minute)
		want(t, "sent", out.Messages[0].Attributes["SentTimestamp"], strconv.FormatInt(time.Now().Add(10*time.Minute).UnixMilli(), 10))
	})
}
