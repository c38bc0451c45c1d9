package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/awserror"
)

func encryption(f *facts) []Finding {
	var findings []Finding
	for _, q := range f.queues() {
		if q.key() == "" && q.attributes[string(types.QueueAttributeNameSqsManagedSseEnabled)] == "false" {
			findings = append(findings, warning("The queue "+q.url+" is not encrypted.",
				"Messages hold serial numbers and owners of things, and are stored as they are.",
				f.setAttribute(q, types.QueueAttributeNameSqsManagedSseEnabled, "true"))...)
		}
	}
	return findings
}

func (q *queueFacts) key() string {
	return q.attributes[string(types.QueueAttributeNameKmsMasterKeyId)]
}

// encryptionKey looks at keys of the customer's own. Whether one may be used shows
// only in a request that has an effect.
func encryptionKey(f *facts) []Finding {
	for _, q := range []*queueFacts{&f.source, &f.dead} {
		for a, r := range q.may {
			if r.kind == noKey {
				return wrong(fmt.Sprintf("The key %s that encrypts %s cannot be used (%s, at %s).", q.key(), q.url, r.code, a.name),
					"Without the key messages can be neither read nor stored.",
					sentence(r.cause.Fix(awserror.Request{})))
			}
		}
	}
	var keys []string
	for _, q := range f.queues() {
		if key := q.key(); key != "" && key != "alias/aws/sqs" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if keys == nil {
		return nil
	}
	return note(fmt.Sprintf("The queues are encrypted with %s; whether the worker may use it shows only in the first message.", strings.Join(keys, " and ")),
		"Without the key messages can be neither read nor stored.",
		"See that the worker's role, and the key's policy, allow kms:Decrypt on the source queue's key, and kms:Decrypt and kms:GenerateDataKey on the dead-letter queue's.")
}

// queuePolicy finds a queue that is open to everybody.
func queuePolicy(f *facts) []Finding {
	var findings []Finding
	for _, q := range f.queues() {
		for _, s := range parsePolicy(q.attributes[string(types.QueueAttributeNamePolicy)]) {
			if s.open() {
				findings = append(findings, wrong("The policy of "+q.url+" allows everybody in the world "+strings.Join(s.Action, ", ")+".",
					"Whoever knows the URL can send updates of your things, or read and delete those of others.",
					"Take the statement with Principal * out of the queue's policy, or give it a Condition such as aws:SourceArn or aws:PrincipalOrgID.")...)
				break
			}
		}
	}
	return findings
}

// policyStatement is a statement of a resource's policy, as far as it matters here.
type policyStatement struct {
	Effect    string
	Principal principals
	Action    words
	Condition json.RawMessage
}

func (s policyStatement) open() bool {
	return s.Effect == "Allow" && slices.Contains(s.Principal, "*") && len(s.Condition) == 0
}

// words is a string or a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// principals are "*", or the accounts and roles of {"AWS": …}. Services are left out.
type principals []string

func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil {
		*p = principals{all}
		return nil
	}
	var by struct{ AWS words }
	err := json.Unmarshal(b, &by)
	*p = principals(by.AWS)
	return err
}

// parsePolicy returns the statements of a policy; none where it cannot be read.
func parsePolicy(text string) []policyStatement {
	var many struct{ Statement []policyStatement }
	if json.Unmarshal([]byte(text), &many) == nil {
		return many.Statement
	}
	var one struct{ Statement policyStatement }
	if json.Unmarshal([]byte(text), &one) == nil {
		return []policyStatement{one.Statement}
	}
	return nil
}

// allowPolicy is a dead-letter queue's word on who may use it.
type allowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Queues     []string `json:"sourceQueueArns"`
}

func parseAllow(text string) allowPolicy {
	var p allowPolicy
	if json.Unmarshal([]byte(text), &p) != nil {
		return allowPolicy{}
	}
	return p
}

func (p allowPolicy) permits(arn string) bool {
	return p.Permission == "allowAll" || p.Permission == "byQueue" && slices.Contains(p.Queues, arn)
}

// with is the policy that permits one queue more. SQS takes 10 of them.
func (p allowPolicy) with(arn string) string {
	if p.Permission != "byQueue" || len(p.Queues) >= 10 {
		p.Queues = nil
	}
	text, _ := json.Marshal(allowPolicy{"byQueue", append(slices.Clone(p.Queues), arn)}) // of strings: it cannot fail
	return string(text)
}
