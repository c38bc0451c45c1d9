package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/awscredentials"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
)

// Queues are the queues that the dlq commands work on, and the way to them.
type Queues struct {
	SQS    mailbox.API
	Retry  retry.Policy
	DLQURL string
	// SourceURL is empty if only the dead-letter queue was asked for and nothing
	// names the source.
	SourceURL string
}

// QueueNeeds are the queues that must be found.
type QueueNeeds struct{ DeadLetters, Source bool }

// lettersRetry is more impatient than the worker's own: a person waits.
var lettersRetry = retry.Policy{Base: 200 * time.Millisecond, Max: 5 * time.Second}

// findTimeout bounds how long SQS may be in trouble before a person is told.
const findTimeout = 30 * time.Second

// OpenQueues finds the dead-letter queue: WORKER_DLQ_URL, or the redrive target of
// WORKER_QUEUE_URL; and the source queue: WORKER_QUEUE_URL, or the one queue whose
// redrive policy names the dead-letter queue. What may pass by itself is tried again
// for 30 seconds, with a warning to o.Log for each reason; what a person must change is a
// *SetupError.
func OpenQueues(ctx context.Context, cfg config.Config, o Options, needs QueueNeeds) (*Queues, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, findTimeout, errors.New("SQS has not answered in "+findTimeout.String()))
	defer cancel()
	if cfg.QueueURL == "" && cfg.DLQURL == "" {
		return nil, &SetupError{errors.New("no queue is named"), "set WORKER_DLQ_URL (--dlq-url), or WORKER_QUEUE_URL (--queue-url) where that queue has a redrive policy"}
	}
	awsConfig, err := usableAWS(ctx, o.AWS, o.Log, awscredentials.ForCommand, nil)
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(awsConfig, func(so *sqs.Options) {
		so.HTTPClient = awshttp.ForConfig(awsConfig, awshttp.Options{Connections: settleConnections, Transport: o.Transport})
		so.Retryer = aws.NopRetryer{}
		so.DisableMessageChecksumValidation = true // it refuses a whole answer for one message, and panics where MD5 is not allowed
	})
	q := &Queues{SQS: client, Retry: lettersRetry, DLQURL: cfg.DLQURL, SourceURL: cfg.QueueURL}
	finder := &queues{api: client, policy: q.Retry, metrics: telemetry.NewMetrics(), log: o.Log}
	if err := finder.checkEndpoint(); err != nil {
		return nil, err
	}
	switch {
	case cfg.QueueURL != "" && needs.DeadLetters:
		q.DLQURL, err = finder.find(ctx, cfg.QueueURL, cfg.DLQURL)
		return q, err
	case cfg.QueueURL != "":
		return q, finder.mustExist(ctx, "WORKER_QUEUE_URL", cfg.QueueURL)
	}
	if err := finder.mustExist(ctx, "WORKER_DLQ_URL", cfg.DLQURL); err != nil {
		return nil, err
	}
	if needs.Source {
		q.SourceURL, err = finder.source(ctx, cfg.DLQURL)
	}
	return q, err
}

// mustExist is an error if SQS says that there is no such queue. If it may not
// be asked, the first request that needs the queue will tell.
func (q *queues) mustExist(ctx context.Context, setting, url string) error {
	if _, err := q.attributes(ctx, setting, url); err != nil && !accessDenied(err) {
		return err
	}
	return nil
}

// source is the one queue whose redrive policy names the dead-letter queue.
func (q *queues) source(ctx context.Context, deadLetterURL string) (string, error) {
	const way = "set WORKER_QUEUE_URL (--queue-url) to the queue that the letters go back to"
	var urls []string
	err := q.try(ctx, "ListDeadLetterSourceQueues", func(ctx context.Context) error {
		urls = nil
		for pages := sqs.NewListDeadLetterSourceQueuesPaginator(q.api, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &deadLetterURL}); pages.HasMorePages(); {
			out, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			urls = append(urls, out.QueueUrls...)
		}
		return nil
	})
	switch {
	case accessDenied(err):
		return "", &SetupError{fmt.Errorf("WORKER_QUEUE_URL is not set and the queues that use %s may not be listed (%w)", deadLetterURL, err), way + ", or allow sqs:ListDeadLetterSourceQueues"}
	case err != nil:
		if setup := diagnose(err, "WORKER_DLQ_URL", deadLetterURL); setup != nil {
			return "", setup
		}
		return "", err
	case len(urls) == 0:
		return "", &SetupError{fmt.Errorf("WORKER_QUEUE_URL is not set and no queue's redrive policy names %s", deadLetterURL), way}
	case len(urls) > 1:
		return "", &SetupError{fmt.Errorf("WORKER_QUEUE_URL is not set and %d queues have their dead letters in %s: %s", len(urls), deadLetterURL, strings.Join(urls, ", ")), way}
	}
	return urls[0], nil
}
