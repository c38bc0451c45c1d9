package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// outside is a rig whose SQS is somebody else's. The API is the local cloud's,
// over a socket.
type outside struct {
	*rig
	standIn string
	sqs     *sqs.Client
	awsConf aws.Config
	sent    atomic.Int64 // messages so far
	turn    sync.Mutex   // see inTurn
}

// outsideLayout is how a case wants its queues and its API.
type outsideLayout struct {
	fifo     bool
	latency  time.Duration // of an API call
	settings func(*config.Config)
}

// endpoints are the services' own endpoints, as the SDK's settings give them.
type endpoints map[string]string

func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url, ok := e[service]
	return url, ok, nil
}

func newOutside(t *testing.T, standIn, endpoint string, l outsideLayout) *outside {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Latency: l.latency})
	api := httptest.NewServer(cloud.Handler())
	t.Cleanup(api.Close)

	o := &outside{standIn: standIn, rig: &rig{t: t, cloud: cloud, cfg: config.Default()}}
	o.awsConf = aws.Config{
		Region:        "eu-west-1",
		Credentials:   (&rig{}).aws().Credentials,
		ConfigSources: []any{endpoints{"SQS": endpoint, "IoT Managed Integrations": api.URL}},
	}
	o.sqs = sqs.NewFromConfig(o.awsConf)
	o.createQueues(l.fifo)

	o.cfg.QueueURL = o.queue // and the dead-letter queue is its redrive target
	o.cfg.AdminAddr = ""
	o.cfg.RateStart = 1000
	o.cfg.WaitTime = time.Second
	o.cfg.ShutdownTimeout = time.Minute
	if standIn == "moto" {
		o.cfg.Pollers = 1 // it takes no lock: two receives at once may bring the same message
	}
	if l.settings != nil {
		l.settings(&o.cfg)
	}
	return o
}

// noQueueName are the characters that no queue's name has.
var noQueueName = regexp.MustCompile(`[^a-zA-Z0-9-]+`)

func (o *outside) createQueues(fifo bool) {
	o.t.Helper()
	name := noQueueName.ReplaceAllString(o.t.Name(), "-")
	name = name[max(0, len(name)-70):] // leaves room for the endings; a queue's name has 80 characters at most
	suffix, attributes := "", map[string]string{}
	if fifo {
		suffix, attributes["FifoQueue"] = ".fifo", "true"
	}
	create := func(name string) string {
		out, err := o.sqs.CreateQueue(o.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			o.t.Fatal(err)
		}
		return aws.ToString(out.QueueUrl)
	}
	o.dlq = create(name + "-dlq" + suffix)
	arn := o.attributes(o.dlq)["QueueArn"]
	attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"1000"}`, arn)
	o.queue = create(name + suffix)
}

func (o *outside) attributes(queue string) map[string]string {
	o.t.Helper()
	out, err := o.sqs.GetQueueAttributes(o.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return out.Attributes
}

// count is how many messages of the source queue can be received, and how many
// are in flight.
func (o *outside) count() (visible, inFlight int) {
	o.t.Helper()
	all := o.attributes(o.queue)
	visible, _ = strconv.Atoi(all["ApproximateNumberOfMessages"])
	inFlight, _ = strconv.Atoi(all["ApproximateNumberOfMessagesNotVisible"])
	return visible, inFlight
}

// patience bounds every wait, on a machine that does much else.
const patience = 2 * time.Minute

// drained waits until the source queue is empty.
func (o *outside) drained() {
	o.t.Helper()
	o.until("the queue is drained", patience, func() bool {
		visible, inFlight := o.count()
		return visible+inFlight == 0
	})
}

// start runs a worker as rig's start does, over the network.
func (o *outside) start(change ...func(*app.Options)) *worker {
	o.t.Helper()
	network := func(a *app.Options) {
		a.AWS, a.Transport = &o.awsConf, nil // the worker's own
		if o.standIn == "moto" {
			a.Transport = o.wire()
		}
	}
	return o.rig.start(append([]func(*app.Options){network}, change...)...)
}

// wire is a transport over the network, for a case that puts something in between.
func (o *outside) wire() http.RoundTripper {
	network := http.DefaultTransport.(*http.Transport).Clone()
	network.MaxIdleConnsPerHost = 32
	o.t.Cleanup(network.CloseIdleConnections)
	if o.standIn == "moto" {
		return inTurn{network, &o.turn}
	}
	return network
}

// inTurn sends one request to SQS at a time, receives left out: moto takes no
// lock, and of two deletes at once it may undo one.
type inTurn struct {
	next http.RoundTripper
	turn *sync.Mutex
}

func (i inTurn) RoundTrip(r *http.Request) (*http.Response, error) {
	if action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."); ok && action != "ReceiveMessage" {
		i.turn.Lock()
		defer i.turn.Unlock()
	}
	return i.next.RoundTrip(r)
}

// outgoing is a message to send.
type outgoing struct {
	body       string
	attributes map[string]message.Attribute
	group      string // and a deduplication id of its own, on a FIFO queue
}

// stampedAt is the attribute with an event's time.
func stampedAt(t time.Time) map[string]message.Attribute {
	return map[string]message.Attribute{message.AttributeOccurredAt: {DataType: "String", StringValue: t.UTC().Format(time.RFC3339Nano)}}
}

// sendAll puts messages in the queue, in this order. Several may send at once.
func (o *outside) sendAll(messages ...outgoing) {
	o.t.Helper()
	for batch := range slices.Chunk(messages, 10) {
		in := &sqs.SendMessageBatchInput{QueueUrl: &o.queue}
		for i, m := range batch {
			entry := types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), MessageBody: &m.body, MessageAttributes: wireAttributes(m.attributes),
			}
			if m.group != "" {
				entry.MessageGroupId = &m.group
			}
			if strings.HasSuffix(o.queue, ".fifo") {
				entry.MessageDeduplicationId = aws.String(strconv.FormatInt(o.sent.Add(1), 10))
			}
			in.Entries = append(in.Entries, entry)
		}
		out, err := o.sqs.SendMessageBatch(o.t.Context(), in)
		if err != nil {
			o.t.Error(err)
			return
		}
		if len(out.Failed) > 0 {
			o.t.Errorf("%s does not take a message: %s", o.standIn, aws.ToString(out.Failed[0].Message))
		}
	}
}

// sendTraced puts a message with a trace header in the queue, on its own: moto
// forgets the header of a message that comes in a batch.
func (o *outside) sendTraced(header string, m outgoing) {
	o.t.Helper()
	_, err := o.sqs.SendMessage(o.t.Context(), &sqs.SendMessageInput{
		QueueUrl: &o.queue, MessageBody: &m.body, MessageAttributes: wireAttributes(m.attributes),
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			traceHeader: {DataType: aws.String("String"), StringValue: &header},
		},
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

const traceHeader = "AWSTraceHeader"

func wireAttributes(attributes map[string]message.Attribute) map[string]types.MessageAttributeValue {
	if len(attributes) == 0 {
		return nil // an empty map is not what a client sends
	}
	wire := map[string]types.MessageAttributeValue{}
	for name, a := range attributes {
		wire[name] = wireAttribute(a)
	}
	return wire
}

func wireAttribute(a message.Attribute) types.MessageAttributeValue {
	v := types.MessageAttributeValue{DataType: aws.String(a.DataType)}
	if strings.HasPrefix(a.DataType, "Binary") {
		v.BinaryValue = a.BinaryValue
	} else {
		v.StringValue = aws.String(a.StringValue)
	}
	return v
}

// outsideLetter is a dead letter as the stand-in hands it out.
type outsideLetter struct {
	types.Message
	failure message.Failure
}

// letters waits for n dead letters and returns them by body. More than n fail
// the test.
func (o *outside) letters(n int) map[string]outsideLetter {
	o.t.Helper()
	letters := map[string]outsideLetter{}
	count := 0
	o.until(fmt.Sprintf("%d dead letters", n), patience, func() bool {
		out, err := o.sqs.ReceiveMessage(o.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &o.dlq, MaxNumberOfMessages: 10, VisibilityTimeout: 600,
			MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			o.t.Fatal(err)
		}
		for _, m := range out.Messages {
			l := outsideLetter{Message: m}
			if text := aws.ToString(m.MessageAttributes[message.AttributeFailure].StringValue); text != "" {
				if err := json.Unmarshal([]byte(text), &l.failure); err != nil {
					o.t.Errorf("Failure is not readable: %v: %s", err, text)
				}
			}
			letters[aws.ToString(m.Body)] = l
			count++
		}
		return count >= n && len(out.Messages) == 0
	})
	if count != n || len(letters) != n {
		o.t.Errorf("%d dead letters with %d different bodies, want %d", count, len(letters), n)
	}
	return letters
}
