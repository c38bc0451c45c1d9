package sqswire_test

import (
	"testing"

	"managed-thing-updater/internal/sqswire"
)

func TestARedrivePolicyIsReadHoweverItIsWritten(t *testing.T) {
	const target = "arn:aws:sqs:eu-west-1:123456789012:updates-dlq"
	for policy, want := range map[string]sqswire.RedrivePolicy{
		"":                      {},
		"not JSON":              {},
		"{}":                    {},
		`{"maxReceiveCount":5}`: {},
		`{"deadLetterTargetArn":"` + target + `","maxReceiveCount":5}`:       {Target: target, MaxReceives: 5},
		`{"deadLetterTargetArn":"` + target + `","maxReceiveCount":"1000"}`:  {Target: target, MaxReceives: 1000},
		`{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1000000}`: {Target: target, MaxReceives: 1_000_000},
		`{"deadLetterTargetArn":"` + target + `"}`:                           {Target: target},
	} {
		if got := sqswire.Redrive(map[string]string{"RedrivePolicy": policy}); got != want {
			t.Errorf("%s: %+v, want %+v", policy, got, want)
		}
	}
	if account, name, ok := (sqswire.RedrivePolicy{Target: target}).Queue(); account != "123456789012" || name != "updates-dlq" || !ok {
		t.Errorf("account %q, name %q, %v", account, name, ok)
	}
	for _, none := range []string{"", "updates-dlq", "arn:aws:sqs:eu-west-1"} {
		if _, _, ok := (sqswire.RedrivePolicy{Target: none}).Queue(); ok {
			t.Errorf("%q is taken for a queue", none)
		}
	}
}
