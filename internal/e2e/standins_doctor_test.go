package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/doctor"
)

// The doctor's requests must have no effect on whoever answers them.
var doctorCases = []standInCase{
	{name: "the doctor finds nothing wrong and changes nothing", run: (*outside).soundSetUp},
	{name: "the doctor changes nothing on a FIFO queue", run: (*outside).soundSetUp, layout: outsideLayout{fifo: true}},
	{name: "the doctor finds what is wrong with the queues", run: (*outside).sickQueues},
}

func (o *outside) setAttributes(queue string, attributes map[string]string) {
	o.t.Helper()
	if _, err := o.sqs.SetQueueAttributes(o.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &queue, Attributes: attributes}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outside) examine() doctor.Report {
	client := awshttp.New(awshttp.Options{Transport: o.wire()})
	return doctor.Examine(o.t.Context(), doctor.Options{
		Config: o.cfg, AWS: o.awsConf, HTTP: client, Getenv: func(string) string { return "" },
	})
}

func problems(r doctor.Report) []string {
	var names []string
	for _, p := range r.Problems() {
		names = append(names, p.Check)
	}
	slices.Sort(names)
	return names
}

func words(r doctor.Report) string {
	var b strings.Builder
	_ = r.Text(&b)
	return b.String()
}

func (o *outside) soundSetUp(t *testing.T) {
	o.setAttributes(o.dlq, map[string]string{"MessageRetentionPeriod": "1209600", "MaximumMessageSize": "1048576"})
	for _, thing := range []string{"a", "b", "c"} {
		m := outgoing{body: name(thing, "1")}
		if strings.HasSuffix(o.queue, ".fifo") {
			m.group = thing
		}
		o.sendAll(m)
	}
	if r := o.examine(); len(r.Problems()) > 0 {
		t.Errorf("found:\n%s", words(r))
	}
	if n := o.attributes(o.dlq)["ApproximateNumberOfMessages"]; n != "0" {
		t.Errorf("%s letters were written", n)
	}
	if visible, inFlight := o.count(); visible != 3 || inFlight != 0 {
		t.Errorf("%d messages visible, %d in flight", visible, inFlight)
	}
	out, err := o.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &o.queue, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil || len(out.Messages) != 3 {
		t.Fatalf("%d messages: %v", len(out.Messages), err)
	}
	for _, m := range out.Messages {
		if n := m.Attributes["ApproximateReceiveCount"]; n != "1" {
			t.Errorf("received %s times", n)
		}
	}
}

func (o *outside) sickQueues(t *testing.T) {
	o.setAttributes(o.dlq, map[string]string{"MessageRetentionPeriod": "3600", "MaximumMessageSize": "4096"})
	o.setAttributes(o.queue, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + o.attributes(o.dlq)["QueueArn"] + `","maxReceiveCount":"3"}`})
	r := o.examine()
	if got := strings.Join(problems(r), " "); got != "dlq-message-size dlq-retention redrive-count" {
		t.Errorf("found %s:\n%s", got, words(r))
	}
	o.cfg.DLQURL = o.dlq + "-not"
	if got := strings.Join(problems(o.examine()), " "); got != "dead-letter-queue redrive-count" {
		t.Errorf("found %s", got)
	}
	o.cfg.QueueURL, o.cfg.DLQURL = o.queue+"-not", ""
	if got := strings.Join(problems(o.examine()), " "); got != "source-queue" {
		t.Errorf("found %s", got)
	}
}
