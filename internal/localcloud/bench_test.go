package localcloud_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/localcloud"
)

// BenchmarkDrain receives and deletes with the real client in batches of 10,
// over a backlog of 100,000 that is kept up. One b.N is a message.
func BenchmarkDrain(b *testing.B) {
	for _, fifo := range []bool{false, true} {
		b.Run("fifo="+strconv.FormatBool(fifo), func(b *testing.B) {
			c := localcloud.New(localcloud.Options{})
			url := c.SQS.CreateQueue("q", localcloud.QueueOptions{FIFO: fifo})
			client := queueClient(c, goodCredentials)
			body := `{"Identifier":"x","Name":"` + strings.Repeat("n", 100) + `"}`
			n := 0
			send := func() {
				m := localcloud.Message{Body: body}
				if fifo {
					m.GroupID = strconv.Itoa(n % 1000)
				}
				c.SQS.Send(url, m)
				n++
			}
			for range 100_000 {
				send()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; {
				out, err := client.ReceiveMessage(b.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []systemAttribute{"All"}})
				if err != nil || len(out.Messages) == 0 {
					b.Fatal(out, err)
				}
				in := &sqs.DeleteMessageBatchInput{QueueUrl: &url}
				for i, m := range out.Messages {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
					send()
				}
				if _, err := client.DeleteMessageBatch(b.Context(), in); err != nil {
					b.Fatal(err)
				}
				done += len(out.Messages)
			}
		})
	}
}
