package awshttp_test

import (
	"strings"
	"testing"

	"managed-thing-updater/internal/awshttp"
)

func TestAnEndpointThatIsNoURLIsNamed(t *testing.T) {
	if err := awshttp.CheckEndpoint("SQS", nil); err != nil {
		t.Errorf("none is set: %v", err)
	}
	for endpoint, good := range map[string]bool{
		"https://sqs.eu-west-1.amazonaws.com": true, "http://127.0.0.1:4566": true,
		"127.0.0.1:4566": false, "sqs.eu-west-1.amazonaws.com": false, "https://": false, "ftp://host": false, "": false,
	} {
		err := awshttp.CheckEndpoint("SQS", &endpoint)
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), `"`+endpoint+`" of SQS`) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
