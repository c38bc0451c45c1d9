package doctor

import (
	"context"
	"crypto/fips140"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/config"
)

// facts are what was seen. What was not looked at, since it could not be, is zero.
type facts struct {
	cfg           config.Config
	getenv        func(string) string
	headerTimeout time.Duration

	region         string
	credentials    aws.Credentials
	credentialsErr error
	clock          *clockwatch

	source, dead queueFacts
	api          apiFacts
	state        StateReport
}

// credentialsTimeout bounds the way to credentials: a role may need several
// requests.
const credentialsTimeout = 20 * time.Second

func gather(ctx context.Context, o Options) *facts {
	f := &facts{cfg: o.Config, getenv: o.Getenv, headerTimeout: o.HeaderTimeout, region: o.AWS.Region, clock: &clockwatch{next: o.HTTP}}
	f.source.url, f.dead.url = o.Config.QueueURL, o.Config.DLQURL
	var looks sync.WaitGroup
	f.retrieve(ctx, o.AWS)
	usable := f.credentialsErr == nil && f.region != ""
	if o.State != nil && (usable || f.cfg.StateKind() != config.StateDynamoDB) {
		looks.Go(func() { f.state = o.State(ctx) })
	}
	if usable {
		client := sqs.NewFromConfig(o.AWS, func(s *sqs.Options) {
			s.HTTPClient, s.Retryer = f.clock, aws.NopRetryer{}
			s.DisableMessageChecksumValidation = fips140.Enforced() // as the worker's own client
		})
		looks.Go(func() { f.lookAtQueues(ctx, client, o.Running) })
		looks.Go(func() { f.api = lookAtAPI(ctx, o.AWS, f.clock, !o.Running, o.Config.CallTimeout) })
	}
	looks.Wait()
	return f
}

func (f *facts) retrieve(ctx context.Context, cfg aws.Config) {
	if cfg.Credentials == nil {
		f.credentialsErr = errNoCredentials
		return
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	f.credentials, f.credentialsErr = cfg.Credentials.Retrieve(ctx)
}
