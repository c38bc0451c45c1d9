package e2e

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// sqs is a client of SQS beside the worker's: a person's, or another program's.
func (r *rig) sqs() *sqs.Client {
	return sqs.NewFromConfig(*r.aws(), func(o *sqs.Options) {
		o.HTTPClient, o.Retryer = &http.Client{Transport: r.cloud.Transport()}, aws.NopRetryer{}
	})
}
