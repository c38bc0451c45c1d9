package deadletter

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"

	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// API is what a Writer needs of SQS.
type API interface {
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Writer stores letters in one queue. Safe for use by many goroutines.
type Writer struct {
	api     API
	url     string
	fifo    bool
	limit   int // bytes of one message
	worker  string
	metrics *telemetry.Metrics
	queue   *telemetry.QueueMetrics
	traces  *telemetry.Traces
	log     *zap.Logger
}

// NewWriter makes a Writer for the queue, which is a FIFO queue if its URL ends
// in ".fifo". worker names this process in the letters.
func NewWriter(api API, queueURL, worker string, m *telemetry.Metrics, log *zap.Logger) *Writer {
	return &Writer{
		api: api, url: queueURL, fifo: queueurl.FIFO(queueURL), limit: sqswire.MaxBytes, worker: worker,
		metrics: m, queue: m.DeadLetterQueue(queueURL), log: log,
	}
}

// Send stores letters and returns one result for each: nil if it is stored. Each letter has
// its own fate. Send does not retry; the caller does. The errors are *sqswire.EntryError,
// sqswire.ErrNoAnswer, the SDK's error for a whole request, or the context's cause.
//
// A letter whose result is an error may be stored all the same, if an answer was lost. Sent
// again, it is stored twice, with the same Failure.messageId; a FIFO queue drops the second
// within 5 minutes.
func (w *Writer) Send(ctx context.Context, letters []Letter) []error {
	now := time.Now()
	results := make([]error, len(letters))
	copies := make([]copied, len(letters))
	left := make([]int, len(letters)) // positions in letters
	for i := range letters {
		left[i] = i
	}
	// A letter that the queue refuses for its content, above all its size, is sent with
	// less, at last as the message is: the queue may take less than is known here.
	for much := whole; much <= bare && len(left) > 0; much++ {
		var smaller []int
		for _, i := range left {
			c := letters[i].copyOf(w.worker, now, w.limit, much)
			if much == whole || c.bytes < copies[i].bytes {
				copies[i] = c
				smaller = append(smaller, i)
			}
		}
		w.sendAll(ctx, copies, smaller, results)
		left = slices.DeleteFunc(left, func(i int) bool { return !sqswire.RefusedContent(results[i]) })
	}
	return results
}

// sendAll sends the copies at these positions, in as few batches as SQS allows.
func (w *Writer) sendAll(ctx context.Context, copies []copied, positions []int, results []error) {
	var batch []int
	bytes := 0
	for _, i := range positions {
		if len(batch) == sqswire.MaxEntries || bytes+copies[i].bytes > w.limit && len(batch) > 0 {
			w.sendBatch(ctx, copies, batch, results)
			batch, bytes = batch[:0], 0
		}
		batch = append(batch, i)
		bytes += copies[i].bytes
	}
	w.sendBatch(ctx, copies, batch, results)
}

// sendBatch sends the copies at these positions and sets their results. If SQS refuses the
// request for its content, it does not say which entry was at fault: each is sent alone.
func (w *Writer) sendBatch(ctx context.Context, copies []copied, batch []int, results []error) {
	err := w.request(ctx, copies, batch, results)
	if err == nil {
		return
	}
	if len(batch) > 1 && sqswire.RefusedContent(err) {
		for i := range batch {
			w.sendBatch(ctx, copies, batch[i:i+1], results)
		}
		return
	}
	for _, i := range batch {
		results[i] = err
	}
}

// request sends one batch. It sets the results only if it returns nil.
func (w *Writer) request(ctx context.Context, copies []copied, batch []int, results []error) error {
	if len(batch) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in := &sqs.SendMessageBatchInput{QueueUrl: &w.url, Entries: make([]types.SendMessageBatchRequestEntry, len(batch))}
	for id, i := range batch {
		in.Entries[id] = w.entry(id, copies[i])
	}
	// A crash from here until the messages are deleted leaves each in its queue, and maybe
	// its letter too. The message is tried again, and may leave a second letter with the
	// same Failure.messageId.
	start := time.Now()
	out, err := w.api.SendMessageBatch(ctx, in)
	entries, requestID, code := []error{err}, "", ""
	if err == nil {
		entries, requestID = sqswire.Sent(out, len(batch)), sqswire.RequestID(out.ResultMetadata)
	}
	codes := sqswire.Codes(entries)
	if len(codes) > 0 {
		code = codes[0]
	}
	w.queue.Requested("SendMessageBatch", time.Since(start), len(codes) > 0)
	w.metrics.SQSRequest("SendMessageBatch", codes...)
	traceOf := func(i int) *telemetry.MessageTrace { return copies[batch[i]].letter.Trace }
	w.traces.Settled(w.url, "SendMessageBatch", start, len(batch), traceOf, requestID, code)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return err
	}
	for k, err := range entries {
		results[batch[k]] = err
		if err == nil {
			w.stored(copies[batch[k]])
		}
	}
	return nil
}

// LimitTo says how many bytes the queue takes of a message with its attributes: its
// MaximumMessageSize. Without it, SQS's own limit holds. Call it before Send.
func (w *Writer) LimitTo(bytes int) { w.limit = min(bytes, sqswire.MaxBytes) }

// TraceWith makes a span of each request from now on. Call it before Send.
func (w *Writer) TraceWith(t *telemetry.Traces) { w.traces = t }

// entry is a copy as SQS wants it.
func (w *Writer) entry(i int, c copied) types.SendMessageBatchRequestEntry {
	m := c.letter.Message
	m.Attributes = c.attributes
	if w.fifo {
		return sqswire.CopyToFIFO(i, m, c.letter.Update.Thing, m.ID)
	}
	return sqswire.Copy(i, m)
}

func (w *Writer) stored(c copied) {
	l := c.letter
	w.metrics.DeadLetters.Inc(l.Failure.Reason)
	fields := []zap.Field{telemetry.MessageID(l.Message.ID), telemetry.TraceID(l.Trace.TraceID()), telemetry.Reason(string(l.Failure.Reason))}
	if l.Update.Thing != "" {
		fields = append(fields, telemetry.Thing(l.Update.Thing))
	}
	if l.Failure.Code != "" {
		fields = append(fields, telemetry.Code(l.Failure.Code))
	}
	if !c.timeless {
		w.log.Info("dead letter stored", fields...)
		return
	}
	w.metrics.LettersNoTime.Inc()
	w.log.Warn("dead letter stored without the time of its event: the message's own attributes and body left no room for it; moved back, it may overwrite newer values", fields...)
}
