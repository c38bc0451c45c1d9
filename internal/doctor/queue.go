package doctor

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/sqswire"
)

// queueFacts are what was seen of one queue.
type queueFacts struct {
	url        string
	found      reply             // of GetQueueUrl, where the redrive policy named the queue
	look       reply             // of GetQueueAttributes
	attributes map[string]string // nil where it may not be looked at
	may        map[action]reply  // of requests that cannot have an effect
}

func (q *queueFacts) seen() bool { return q.attributes != nil }

// seconds is an attribute that is a time.
func (q *queueFacts) seconds(name types.QueueAttributeName) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

// number is an attribute that is a number; 0 where it is missing.
func (q *queueFacts) number(name types.QueueAttributeName) int {
	n, _ := strconv.Atoi(q.attributes[string(name)])
	return n
}

// arn is the queue's own word, or else what its URL says.
func (q *queueFacts) arn(region string) string {
	if arn := q.attributes[string(types.QueueAttributeNameQueueArn)]; arn != "" {
		return arn
	}
	u, err := url.Parse(q.url)
	if err != nil {
		return "*"
	}
	account, name, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	partition := "aws"
	if strings.HasPrefix(region, "cn-") {
		partition = "aws-cn"
	}
	return strings.Join([]string{"arn", partition, "sqs", cmp.Or(regionOf(q.url), region), account, name}, ":")
}

// hosts are the forms of SQS's own hosts: sqs.REGION.amazonaws.com, with -fips,
// api.aws and VPC endpoints, and the older REGION.queue.amazonaws.com.
var hosts = regexp.MustCompile(`(?:^|\.)sqs(?:-fips)?\.([a-z]+-[a-z-]+-[0-9]+)\.|^([a-z]+-[a-z-]+-[0-9]+)\.queue\.amazonaws\.com`)

// regionOf is the Region in a queue's URL; empty where its host is not SQS's own.
func regionOf(queueURL string) string {
	u, err := url.Parse(queueURL)
	if err != nil {
		return ""
	}
	if m := hosts.FindStringSubmatch(u.Hostname()); m != nil {
		return cmp.Or(m[1], m[2])
	}
	return ""
}

func (q *queueFacts) redrive() sqswire.RedrivePolicy { return sqswire.Redrive(q.attributes) }

// lookAtQueues looks at the source queue and, by the setting or by its redrive
// policy, at the dead-letter queue.
func (f *facts) lookAtQueues(ctx context.Context, client *sqs.Client, running bool) {
	ofSource := []action{deleteMessage, changeVisibility}
	if !running {
		ofSource = append(ofSource, receiveMessage)
	}
	var looks sync.WaitGroup
	look := func(q *queueFacts, actions []action) {
		q.lookAt(ctx, client)
		if q.look.kind != answered && q.look.kind != denied {
			return
		}
		q.may = make(map[action]reply)
		for _, a := range actions {
			q.may[a] = ask(ctx, func(ctx context.Context) error { return a.try(ctx, client, q.url) })
		}
	}
	deadKnown := f.dead.url != ""
	looks.Go(func() {
		look(&f.source, ofSource)
		if !deadKnown && f.findDead(ctx, client) {
			look(&f.dead, []action{sendMessage})
		}
	})
	if deadKnown && f.dead.url != f.source.url {
		looks.Go(func() { look(&f.dead, []action{sendMessage}) })
	}
	looks.Wait()
}

func (q *queueFacts) lookAt(ctx context.Context, client *sqs.Client) {
	var out *sqs.GetQueueAttributesOutput
	q.look = ask(ctx, func(ctx context.Context) (err error) {
		out, err = client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		return err
	})
	switch {
	case q.look.kind != answered:
	case q.look.err == nil:
		q.attributes = out.Attributes
	default:
		q.look.kind = noAddress // nothing else in the request can be refused
	}
}

// findDead asks for the URL of the source queue's redrive target.
func (f *facts) findDead(ctx context.Context, client *sqs.Client) bool {
	account, name, ok := f.source.redrive().Queue()
	if !ok {
		return false
	}
	f.dead.found = ask(ctx, func(ctx context.Context) error {
		out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account})
		if err == nil {
			f.dead.url = aws.ToString(out.QueueUrl)
		}
		return err
	})
	return f.dead.url != "" && f.dead.url != f.source.url
}
