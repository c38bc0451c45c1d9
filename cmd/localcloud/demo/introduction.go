package main

import (
	"fmt"
	"strings"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/statusline"
)

// introduce says what runs where and how to take part.
func (s *screen) introduce(o settings, c *cloud, w *worker) {
	credentials := "AWS_ACCESS_KEY_ID=" + harness.AccessKey + " AWS_SECRET_ACCESS_KEY=" + harness.SecretKey + " aws --region " + harness.Region
	aws := credentials + " --endpoint-url " + c.Base
	body := fmt.Sprintf(`'{"Identifier":%q,"Name":"Reading lamp","MetaData":{"room":"attic"}}'`, ownThing)
	fifo := ""
	if o.fifo {
		fifo = " --message-group-id by-hand --message-deduplication-id $RANDOM$RANDOM"
	}
	quota := "no quota"
	if o.quota > 0 {
		quota = fmt.Sprintf("%g calls/s", o.quota)
	}
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	heading := func(text string) { say("%s", s.view.Paint(statusline.Bold, text)) }
	heading("What runs")
	say("  local cloud   %s  (%s, %s a call, %g%% answered with 503; help at %[1]s/_cloud/)", c.Base, quota, o.latency, o.unavailable*100)
	say("  queue         %s", c.queue)
	say("  dead letters  %s  (look: curl '%s/_cloud/messages?queue=%s')", c.dlq, c.Base, queueurl.Name(c.dlq))
	say("  worker        %s run, process %d; %s/status  %[3]s/metrics", o.worker, w.Cmd.Process.Pid, w.admin)
	say("  live page     %s/", w.admin)
	say("  fleet         %d things; %d messages at once, then %g a second", o.things, o.burst, o.rate)
	heading("Send a message of your own, and look at the thing")
	say("  curl -d %s '%s/_cloud/send?queue=%s'", body, c.Base, queueurl.Name(c.queue))
	say("  curl %s/_cloud/things/%s", c.Base, ownThing)
	heading("The same with the AWS CLI")
	say("  %s sqs send-message --queue-url %s%s --message-body %s", aws, c.queue, fifo, body)
	say("  %s iot-managed-integrations get-managed-thing --identifier %s", aws, ownThing)
	heading("The worker's own commands, in another terminal")
	say("  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_REGION=%s", harness.AccessKey, harness.SecretKey, harness.Region)
	say("  export AWS_ENDPOINT_URL_SQS=%s AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=%[1]s", c.Base)
	say("  export WORKER_QUEUE_URL=%s WORKER_ADMIN_ADDR=%s", c.queue, strings.TrimPrefix(w.admin, "http://"))
	say("  curl %s/status/messages  (ids, newest first; of those that fail: /status/messages?failed=1)", w.admin)
	say("  %s explain MESSAGE-ID;  %[1]s dlq list;  %[1]s doctor", o.worker)
	if o.messages > 0 {
		say("It ends when %d messages are sent and all are settled, or with Ctrl-C. A message for a thing", o.messages)
		say("that does not exist is tried for a minute before it is dead-lettered.")
	} else {
		say("Ctrl-C ends it and prints the sums.")
	}
	s.say(b.String())
}
