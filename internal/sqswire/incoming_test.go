package sqswire_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// The SDK puts the small strings of an answer into one block of memory, and any one of
// them keeps all of it alive. The order of a message and its tenant's name are
// remembered for longer than the message.
func TestWhatIsRememberedOfAMessageKeepsNothingElseAlive(t *testing.T) {
	const most = 200 // bytes
	for name, keep := range map[string]func(message.Incoming, message.Update) any{
		"the order":  func(_ message.Incoming, u message.Update) any { return new(u.Order) },
		"the thing":  func(_ message.Incoming, u message.Update) any { return u.Thing },
		"the key":    func(_ message.Incoming, u message.Update) any { return u.Key },
		"the tenant": func(in message.Incoming, _ message.Update) any { return in.GroupID },
	} {
		for _, fifo := range []bool{false, true} {
			if each := keptAlive(t, fifo, keep); each > most {
				t.Errorf("%s, FIFO %v: %d bytes are kept alive, want at most %d", name, fifo, each, most)
			}
		}
	}
}

// keptAlive is how many bytes stay alive for each message of which only what keep
// returns is remembered. Of each answer the first message is: the others may have found
// no room in the block.
func keptAlive(t *testing.T, fifo bool, keep func(message.Incoming, message.Update) any) int64 {
	t.Helper()
	const answers = 100
	queue := sqs.New(sqs.Options{
		Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDLOCAL", "local-secret", ""),
		HTTPClient: &http.Client{Transport: &answering{fifo: fifo}}, DisableMessageChecksumValidation: true,
	})
	kept := make([]any, 0, answers+1)
	receive := func() {
		out, err := queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("https://sqs.eu-west-1.amazonaws.com/000000000000/updates")})
		if err != nil {
			t.Fatal(err)
		}
		in := sqswire.Incoming(&out.Messages[0], time.Now())
		u, faults := message.Decode(in, message.Options{})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		kept = append(kept, keep(in, u))
	}
	receive() // what the client makes once
	before := heapAlive()
	for range answers {
		receive()
	}
	each := (heapAlive() - before) / answers
	runtime.KeepAlive(kept)
	return each
}

func heapAlive() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// answering answers each receive with ten new messages.
type answering struct {
	fifo bool
	n    int
}

func (a *answering) RoundTrip(*http.Request) (*http.Response, error) {
	messages := make([]string, 10)
	for i := range messages {
		a.n++
		sequence := ""
		if a.fifo {
			sequence = fmt.Sprintf(`,"SequenceNumber":"188706593841326%05d"`, a.n)
		}
		messages[i] = fmt.Sprintf(`{"MessageId":"219f8380-5770-4cc2-8c3e-%012d","ReceiptHandle":"%0350d",`+
			`"Body":"{\"Identifier\":\"thing-%d\",\"MetaData\":{\"room\":\"%0700d\"}}",`+
			`"Attributes":{"SentTimestamp":"1790000000000","ApproximateReceiveCount":"1","MessageGroupId":"house-%d"%s}}`, a.n, a.n, a.n, a.n, a.n, sequence)
	}
	body := `{"Messages":[` + strings.Join(messages, ",") + `]}`
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, nil
}
