package doctor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// setAttribute is the command that sets an attribute of a queue; an empty value
// takes it away.
func (f *facts) setAttribute(q *queueFacts, name types.QueueAttributeName, value string) string {
	attributes, _ := json.Marshal(map[string]string{string(name): value}) // of strings: it cannot fail
	return fmt.Sprintf("aws sqs set-queue-attributes --region %s --queue-url %s --attributes '%s'",
		cmp.Or(regionOf(q.url), f.region), q.url, attributes)
}

func redriveJSON(target string, count int) string {
	return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, target, count)
}

// statement is a statement of a role's policy.
func statement(resource string, actions ...string) string {
	quoted := make([]string, len(actions))
	for i, a := range actions {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return fmt.Sprintf(`{"Effect": "Allow", "Action": [%s], "Resource": %q}`, strings.Join(quoted, ", "), resource)
}
