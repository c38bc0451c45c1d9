package sqswire

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// RedrivePolicy says where SQS itself moves a message of a queue, and when.
type RedrivePolicy struct {
	Target      string // ARN of the dead-letter queue; empty if there is no policy
	MaxReceives int    // after so many receives a message is moved
}

// Redrive reads the policy in a queue's attributes; zero if there is none, or it cannot be
// read.
func Redrive(attributes map[string]string) RedrivePolicy {
	var p struct {
		Target string `json:"deadLetterTargetArn"`
		Count  any    `json:"maxReceiveCount"` // people write it as a number or as text
	}
	if json.Unmarshal([]byte(attributes[string(types.QueueAttributeNameRedrivePolicy)]), &p) != nil || p.Target == "" {
		return RedrivePolicy{}
	}
	policy := RedrivePolicy{Target: p.Target}
	switch n := p.Count.(type) {
	case float64:
		policy.MaxReceives = int(n)
	case string:
		policy.MaxReceives, _ = strconv.Atoi(n)
	}
	return policy
}

// Queue is the account and the name of the dead-letter queue, which GetQueueUrl needs;
// false if the target is no ARN of a queue.
func (p RedrivePolicy) Queue() (account, name string, ok bool) {
	arn := strings.Split(p.Target, ":") // arn:partition:sqs:region:account:name
	if len(arn) != 6 {
		return "", "", false
	}
	return arn[4], arn[5], true
}
