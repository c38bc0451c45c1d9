package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// queues asks SQS about the source queue and finds the dead-letter queue.
type queues struct {
	api     *sqs.Client
	policy  retry.Policy
	metrics *telemetry.Metrics
	log     *zap.Logger
	waits   func(text string) // hears what is waited for while SQS is asked again; may be nil

	retention   time.Duration // of the source queue, as find saw it; 0 if it was not told
	letterBytes int           // that the dead-letter queue takes at most, as find saw it
	clockAhead  time.Duration // of SQS's clock, by its last answer; 0 if it was not told
}

// find returns the dead-letter queue's URL: deadLetterURL if it is set,
// otherwise the redrive target of the source queue. What may pass by itself is tried
// again until ctx ends; what may not is a *SetupError.
func (q *queues) find(ctx context.Context, sourceURL, deadLetterURL string) (string, error) {
	attributes, err := q.attributes(ctx, "WORKER_QUEUE_URL", sourceURL)
	switch {
	case accessDenied(err) && deadLetterURL != "": // it can do without; the doctor says it
	case accessDenied(err):
		return "", &SetupError{
			fmt.Errorf("WORKER_DLQ_URL is not set and the source queue may not be asked for its redrive target (%w)", err),
			"set WORKER_DLQ_URL, or allow sqs:GetQueueAttributes on the source queue",
		}
	case err != nil:
		return "", err
	}
	if seconds, err := strconv.Atoi(attributes[string(types.QueueAttributeNameMessageRetentionPeriod)]); err == nil {
		q.retention = time.Duration(seconds) * time.Second
	}
	setting := "WORKER_DLQ_URL"
	if deadLetterURL == "" {
		setting = "redrive policy"
		if deadLetterURL, err = q.redriveTarget(ctx, sourceURL, attributes); err != nil {
			return "", err
		}
	}
	letters, err := q.attributes(ctx, setting, deadLetterURL)
	if err != nil && !accessDenied(err) {
		return "", err
	}
	q.letterBytes = sqswire.MaxBytes
	if n, err := strconv.Atoi(letters[string(types.QueueAttributeNameMaximumMessageSize)]); err == nil {
		q.letterBytes = n
	}
	switch {
	case deadLetterURL == sourceURL:
		return "", &SetupError{
			fmt.Errorf("the dead-letter queue is the source queue itself, %s", sourceURL),
			"give WORKER_DLQ_URL a queue of its own",
		}
	case queueurl.FIFO(deadLetterURL) != queueurl.FIFO(sourceURL):
		return "", &SetupError{
			fmt.Errorf("the source queue %s and the dead-letter queue %s are not of one kind", sourceURL, deadLetterURL),
			"both must be standard queues, or both FIFO",
		}
	}
	return deadLetterURL, nil
}

// checkEndpoint is a *SetupError if the endpoint that is set for SQS is no URL.
func (q *queues) checkEndpoint() error {
	if err := awshttp.CheckEndpoint("SQS", q.api.Options().BaseEndpoint); err != nil {
		return &SetupError{err, "correct AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, or endpoint_url in the profile"}
	}
	return nil
}

func (q *queues) redriveTarget(ctx context.Context, sourceURL string, attributes map[string]string) (string, error) {
	none := &SetupError{
		fmt.Errorf("there is no dead-letter queue: WORKER_DLQ_URL is not set and the queue %s has no redrive policy", sourceURL),
		"set WORKER_DLQ_URL, or give the queue a redrive policy",
	}
	redrive := sqswire.Redrive(attributes)
	account, name, ok := redrive.Queue()
	if !ok {
		return "", none
	}
	var url string
	err := q.try(ctx, "GetQueueUrl", func(ctx context.Context) error {
		out, err := q.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account})
		if err == nil {
			url = aws.ToString(out.QueueUrl)
		}
		return err
	})
	if accessDenied(err) {
		return "", &SetupError{
			fmt.Errorf("the source queue's redrive target %s may not be looked up (%w)", redrive.Target, err),
			"set WORKER_DLQ_URL, or allow sqs:GetQueueUrl on it",
		}
	}
	if setup := diagnose(err, "redrive policy", redrive.Target); setup != nil {
		return "", setup
	}
	return url, err
}

// attributes returns what SQS says of a queue, a *SetupError if it never will,
// and an access-denied error as it is.
func (q *queues) attributes(ctx context.Context, setting, url string) (map[string]string, error) {
	var found map[string]string
	err := q.try(ctx, "GetQueueAttributes", func(ctx context.Context) error {
		out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err == nil {
			found, q.clockAhead = out.Attributes, awshttp.ClockAhead(out.ResultMetadata)
		}
		return err
	})
	if setup := diagnose(err, setting, url); setup != nil {
		return nil, setup
	}
	return found, err
}

// visible is about how many messages of a queue could be received.
func (q *queues) visible(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	name := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{name}})
	q.count("GetQueueAttributes", err)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes[string(name)])
}

// lookTimeout bounds one request about a queue.
const lookTimeout = 10 * time.Second

// sayAgain is how long a try goes on before its line is written again.
const sayAgain = time.Minute

// try asks until SQS answers. A reason why it does not has one line a minute.
func (q *queues) try(ctx context.Context, action string, op func(context.Context) error) error {
	type reason struct{ who, code string }
	said, began := make(map[reason]time.Time), time.Now()
	return retry.Do(ctx, q.policy, retry.Options{
		Notify: func(err error, _ time.Duration) {
			cause, request := awserror.Of(err), awserror.Request{Action: action}
			text := cause.What(request) + ": " + cause.Fix(request)
			if q.waits != nil {
				q.waits(fmt.Sprintf("starting: %s fails since %s (%s): %s", action, began.UTC().Format(time.RFC3339), cause.Code, text))
			}
			why := reason{cause.Who, cause.Code}
			if last, ok := said[why]; ok && time.Since(last) < sayAgain {
				return
			}
			said[why] = time.Now()
			q.log.Warn(text+"; trying again", telemetry.Action(action), telemetry.Code(cause.Code), zap.Error(err))
		},
	}, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		err := op(ctx)
		if awserror.Of(err).Kind == awserror.SkewedClock {
			q.count(action, err)
			err = op(ctx) // the SDK signs by AWS's clock from now on; the doctor says how far ours is off
		}
		q.count(action, err)
		if accessDenied(err) || diagnose(err, "", "") != nil {
			return retry.Permanent(err)
		}
		return err
	})
}

func (q *queues) count(action string, err error) {
	q.metrics.SQSRequest(action, sqswire.Codes([]error{err})...)
}
