package localcloud

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// request is the union of all actions' parameters: no two of them use one name
// for different things.
type request struct {
	entry
	Entries []entry

	QueueUrl, QueueName, QueueNamePrefix string
	Attributes                           map[string]string

	AttributeNames, MessageSystemAttributeNames, MessageAttributeNames []string
	MaxNumberOfMessages, WaitTimeSeconds                               *int
	ReceiveRequestAttemptId                                            string
}

// entry is a batch's entry, or the same of a single request.
type entry struct {
	Id                string
	ReceiptHandle     string
	VisibilityTimeout *int

	MessageBody             *string
	DelaySeconds            *int
	MessageGroupId          string
	MessageDeduplicationId  string
	MessageAttributes       map[string]wireAttribute
	MessageSystemAttributes map[string]wireAttribute
}

type wireAttribute struct {
	DataType    string
	StringValue *string `json:",omitzero"`
	BinaryValue []byte  `json:",omitzero"`
}

// An action answers a request, or says why not. A nil answer is an empty body.
type action func(s *SQS, ctx context.Context, r *request, f *Fault) (any, *sqsError)

var actions = map[string]action{
	"CreateQueue":                  (*SQS).createQueue,
	"DeleteQueue":                  onQueue((*queue).deleteQueue),
	"GetQueueUrl":                  (*SQS).getQueueURL,
	"ListQueues":                   (*SQS).listQueues,
	"GetQueueAttributes":           onQueue((*queue).getQueueAttributes),
	"SetQueueAttributes":           onQueue((*queue).setQueueAttributes),
	"ListDeadLetterSourceQueues":   onQueue((*queue).listDeadLetterSourceQueues),
	"PurgeQueue":                   onQueue((*queue).purgeQueue),
	"TagQueue":                     onQueue((*queue).ignoreTags),
	"UntagQueue":                   onQueue((*queue).ignoreTags),
	"ListQueueTags":                onQueue((*queue).ignoreTags),
	"SendMessage":                  onQueue((*queue).sendMessage),
	"SendMessageBatch":             (*SQS).sendMessageBatch,
	"ReceiveMessage":               (*SQS).receiveMessage,
	"DeleteMessage":                settle((*queue).delete),
	"DeleteMessageBatch":           batchOf((*queue).delete),
	"ChangeMessageVisibility":      settle((*queue).changeVisibility),
	"ChangeMessageVisibilityBatch": batchOf((*queue).changeVisibility),
}

// onQueue is an action on a queue that must be there. The mutex is held.
func onQueue(do func(*queue, *request, *Fault) (any, *sqsError)) action {
	return func(s *SQS, _ context.Context, r *request, f *Fault) (any, *sqsError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		q := s.find(r.QueueUrl)
		if q == nil {
			return nil, noSuchQueue()
		}
		return do(q, r, f)
	}
}

func (s *SQS) serve(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	arrived := time.Now()
	w.Header().Set("X-Amzn-Requestid", s.cloud.random.uuid())
	s.mu.Lock()
	s.requests[name]++
	n := s.requests[name]
	s.mu.Unlock()

	if why, text := s.cloud.auth.check(r, body, sqsService); why != allowed {
		(&sqsError{status: http.StatusForbidden, shape: "com.amazon.coral.service#" + why.shape, code: why.queryCode, message: text}).write(w)
		return
	}
	act, known := actions[name]
	if !known {
		modelled("UnsupportedOperation", queryPrefix+"UnsupportedOperation", "%s is not part of the local cloud.", name).write(w)
		return
	}
	req := &request{}
	if err := json.Unmarshal(body, req); err != nil {
		sender("SerializationException", "%v", err).write(w)
		return
	}
	info := SQSInfo{Action: name, Queue: cmp.Or(queueName(req.QueueUrl), req.QueueName), N: n}
	for _, e := range req.Entries {
		info.EntryIDs = append(info.EntryIDs, e.Id)
	}
	fault := s.cloud.Faults.forSQS(info)
	ctx := r.Context()

	late := fault.ApplyLate > 0 && !fault.BreakBefore
	if late {
		fault.schedule(arrived, func() { _, _ = act(s, context.Background(), req, fault) })
	}
	if !fault.wait(ctx) || fault.BreakBefore || late && fault.Status == 0 {
		breakConnection()
	}
	if fault.Status != 0 && !fault.BreakAfter {
		s.throttled(req, fault)
		writeSQSFault(w, fault)
		return
	}
	out, refused := act(s, ctx, req, fault)
	switch {
	case fault.BreakAfter && fault.Status != 0:
		writeSQSFault(w, fault)
	case fault.BreakAfter:
		breakConnection()
	case refused != nil:
		refused.write(w)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if out != nil {
			// A client that is gone leaves what it received in flight.
			_ = json.MarshalWrite(w, out, json.Deterministic(true))
		}
	}
}

// throttled uses up the ReceiveRequestAttemptId of a receive that is throttled, as the
// real service does (awslabs/amazon-sqs-java-messaging-lib#213).
func (s *SQS) throttled(r *request, f *Fault) {
	if r.ReceiveRequestAttemptId == "" || !strings.Contains(f.Code, "Throttl") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.find(r.QueueUrl); q != nil {
		q.attempted(r.ReceiveRequestAttemptId, time.Now(), nil, true)
	}
}

func writeSQSFault(w http.ResponseWriter, f *Fault) {
	f.setHeader(w.Header())
	if f.Code == "" || f.Body != "" {
		f.writeBody(w)
		return
	}
	shape := f.Code[strings.LastIndex(f.Code, ".")+1:]
	(&sqsError{
		status: f.Status, shape: "com.amazonaws.sqs#" + shape, code: f.Code,
		message: "a fault of the local cloud", receiverFault: f.Status >= 500,
	}).write(w)
}
