package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
)

// errTokenServiceDenies is what the SDK returns where the role may not be assumed.
var errTokenServiceDenies = fmt.Errorf("failed to refresh cached credentials, failed to retrieve credentials, %w", &smithy.OperationError{
	ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity",
	Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
})

func TestLesson33_AdviceGoesToTheOneWhoRefused(t *testing.T) {
	for name, c := range map[string]struct {
		refusal *localcloud.Fault // of receives; nil: there are no credentials
		words   []string
		without string
	}{
		"SQS":               {denied, []string{"SQS", "sqs:ReceiveMessage"}, "kms:"},
		"the key":           {status(http.StatusBadRequest, "KMS.AccessDeniedException"), []string{"KMS", "kms:Decrypt"}, "sqs:ReceiveMessage"},
		"the modelled key":  {status(http.StatusBadRequest, "KmsAccessDenied"), []string{"KMS", "kms:Decrypt"}, "sqs:ReceiveMessage"},
		"a disabled key":    {status(http.StatusBadRequest, "KMS.DisabledException"), []string{"KMS", "enable"}, "sqs:ReceiveMessage"},
		"a key in deletion": {status(http.StatusBadRequest, "KMS.InvalidStateException"), []string{"KMS", "deletion"}, "sqs:ReceiveMessage"},
		"the token service": {nil, []string{"STS", "trust policy", "AWS_ROLE_ARN"}, "sqs:ReceiveMessage"},
	} {
		subtest(t, name, layout{}, func(t *testing.T, r *rig) {
			var planted atomic.Bool
			good := r.aws().Credentials
			w := r.start(func(o *app.Options) {
				o.AWS.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
					if c.refusal == nil && planted.Load() {
						return aws.Credentials{}, errTokenServiceDenies
					}
					return good.Retrieve(ctx)
				})
			})
			time.Sleep(time.Second)
			planted.Store(true)
			r.sqsFails("ReceiveMessage", c.refusal)
			r.sendNames("thing", 1) // ends the poll that is open
			time.Sleep(time.Minute)
			var said []string
			for line := range strings.Lines(w.lines()) {
				if strings.Contains(line, "ReceiveMessage") && (strings.HasPrefix(line, "error") || strings.HasPrefix(line, "warn")) {
					message, _, _ := strings.Cut(line, "{")
					said = append(said, message)
				}
			}
			if len(said) != 1 {
				t.Fatalf("%d lines, want 1: %q\n%s", len(said), said, w.lines())
			}
			for _, word := range c.words {
				if !strings.Contains(said[0], word) {
					t.Errorf("%q does not say %q", said[0], word)
				}
			}
			if strings.Contains(said[0], c.without) {
				t.Errorf("%q advises %q", said[0], c.without)
			}
		})
	}
}
