package localcloud

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/priorityqueue"
)

var queueNamePattern = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,80}\z`)

// create makes a queue or returns the one that has the name and the same
// attributes. The mutex is held.
func (s *SQS) create(name string, attrs map[string]string) (*queue, *sqsError) {
	if len(name) > 80 || !queueNamePattern.MatchString(strings.TrimSuffix(name, fifoSuffix)) {
		return nil, sender("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if strings.HasSuffix(name, fifoSuffix) && attrs["FifoQueue"] != "true" {
		return nil, sender("InvalidParameterValue", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	}
	if q := s.queues[name]; q != nil {
		for key, value := range attrs {
			if q.text[key] != value {
				return nil, modelled("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", key)
			}
		}
		return q, nil
	}
	set, err := defaultSettings().with(s, name, attrs)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	q := &queue{
		sqs: s, name: name, url: s.cloud.opts.BaseURL + "/" + s.cloud.opts.Account + "/" + name, id: s.nextSeq(),
		settings: set, created: now, modified: now,
		items: map[uint64]*item{}, groups: map[string]*group{}, dedup: map[string]dedupEntry{},
		visible: priorityqueue.New(byOrder, placeOf),
		waiting: priorityqueue.New(byDue, placeOf),
		ready: priorityqueue.New(
			func(g, h *group) bool { return g.first().order < h.first().order },
			func(g *group) *int { return &g.place },
		),
	}
	s.queues[name] = q
	return q, nil
}

type queueURL struct{ QueueUrl string }

func (s *SQS) createQueue(_ context.Context, r *request, _ *Fault) (any, *sqsError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.create(r.QueueName, r.Attributes)
	if err != nil {
		return nil, err
	}
	return queueURL{q.url}, nil
}

func (q *queue) deleteQueue(_ *request, _ *Fault) (any, *sqsError) {
	delete(q.sqs.queues, q.name)
	q.wake() // waiting receives find no queue any more
	return nil, nil
}

func (s *SQS) getQueueURL(_ context.Context, r *request, _ *Fault) (any, *sqsError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[r.QueueName]
	if q == nil {
		return nil, noSuchQueue()
	}
	return queueURL{q.url}, nil
}

func (s *SQS) listQueues(_ context.Context, r *request, _ *Fault) (any, *sqsError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ QueueUrls []string }{[]string{}}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if strings.HasPrefix(name, r.QueueNamePrefix) {
			out.QueueUrls = append(out.QueueUrls, s.queues[name].url)
		}
	}
	return out, nil
}

func (dlq *queue) listDeadLetterSourceQueues(*request, *Fault) (any, *sqsError) {
	out := struct {
		QueueUrls []string `json:"queueUrls"` // the model writes this one small
	}{[]string{}}
	for _, name := range slices.Sorted(maps.Keys(dlq.sqs.queues)) {
		if q := dlq.sqs.queues[name]; q.maxReceives > 0 && q.deadLetterName == dlq.name {
			out.QueueUrls = append(out.QueueUrls, q.url)
		}
	}
	return out, nil
}

func (q *queue) purgeQueue(_ *request, _ *Fault) (any, *sqsError) {
	now := time.Now()
	if !q.purged.IsZero() && now.Sub(q.purged) < time.Minute {
		return nil, batchError("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	q.purged = now
	for _, it := range q.items {
		q.remove(it)
	}
	return nil, nil
}

func (*queue) ignoreTags(*request, *Fault) (any, *sqsError) { return struct{}{}, nil }

func (q *queue) setQueueAttributes(r *request, _ *Fault) (any, *sqsError) {
	if _, ok := r.Attributes["FifoQueue"]; ok {
		return nil, modelled("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute FifoQueue.")
	}
	set, err := q.with(q.sqs, q.name, r.Attributes)
	if err != nil {
		return nil, err
	}
	q.settings, q.modified = set, time.Now()
	return nil, nil
}

func (q *queue) getQueueAttributes(r *request, _ *Fault) (any, *sqsError) {
	all := q.attributes()
	out := struct{ Attributes map[string]string }{map[string]string{}}
	for _, name := range r.AttributeNames {
		if name == "All" {
			out.Attributes = all
			break
		}
		if value, ok := all[name]; ok {
			out.Attributes[name] = value
		} else if !settable(name) {
			return nil, modelled("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return out, nil
}

// attributes are a queue's settings and counts as GetQueueAttributes has them.
func (q *queue) attributes() map[string]string {
	q.promote(time.Now())
	all := maps.Clone(q.text)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	all["QueueArn"] = q.sqs.arn(q.name)
	all["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	all["ApproximateNumberOfMessages"] = strconv.Itoa(len(q.items) - q.waiting.Len())
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(q.inFlights)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(q.waiting.Len() - q.inFlights)
	return all
}

// settable reports whether a queue could have the attribute.
func settable(name string) bool {
	switch name {
	case "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "RedrivePolicy":
		return true
	}
	_, number := numbers[name]
	return number || inert[name]
}
