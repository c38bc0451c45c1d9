package doctor

import (
	"cmp"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/sqswire"
)

// existence tells what keeps a queue that a setting names from being used.
func (f *facts) existence(setting string, q *queueFacts) []Finding {
	switch q.look.kind {
	case absent:
		if of := regionOf(q.url); of != "" && of != f.region {
			return nil // found by its Region
		}
		return wrong(fmt.Sprintf("%s: there is no queue %s for this account in %s.", setting, q.url, f.region),
			"The worker does not start without it.",
			"Correct the URL (aws sqs list-queues --region "+f.region+" shows them), AWS_REGION or the account; a queue of another account must allow this one by its policy.")
	case noAddress:
		return wrong(fmt.Sprintf("%s: SQS does not take %q as a queue's URL (%s).", setting, q.url, q.look.code),
			"The worker does not start without it.", "Give the URL as aws sqs list-queues --region "+f.region+" shows it.")
	case trouble:
		return wrong(fmt.Sprintf("SQS does not answer as it should about %s: %v.", q.url, q.look.err),
			"Without SQS nothing is received.", sentence(q.look.cause.Fix(awserror.Request{}))+f.throughProxy(q.look.cause))
	}
	return nil
}

func sourceQueue(f *facts) []Finding { return f.existence("WORKER_QUEUE_URL", &f.source) }

// deadLetterQueue does not ask whether both queues are of one kind: the settings
// are refused where they are not, and SQS refuses such a redrive policy.
func deadLetterQueue(f *facts) []Finding {
	const why = "What can never be applied has nowhere to go; the worker does not start without it."
	target := f.source.redrive().Target
	switch {
	case f.dead.url != "" && f.dead.url == f.source.url:
		return wrong("The dead-letter queue is the source queue itself.", "Letters would be received as messages, for ever.",
			"Give WORKER_DLQ_URL, or the redrive policy, a queue of its own.")
	case f.cfg.DLQURL != "":
		return f.existence("WORKER_DLQ_URL", &f.dead)
	case !f.source.seen():
		return nil // said of the source queue
	case target == "":
		return wrong("There is no dead-letter queue: WORKER_DLQ_URL is not set, and the source queue has no redrive policy.", why,
			"Make a queue, of the same kind, and set WORKER_DLQ_URL to its URL.")
	case f.dead.found.kind == absent:
		return wrong("The redrive target of the source queue, "+target+", does not exist.", why, "Make the queue, or set WORKER_DLQ_URL and correct the redrive policy.")
	case f.dead.found.kind == denied:
		return wrong("The redrive target of the source queue, "+target+", may not be looked up ("+f.dead.found.code+").", why,
			"Set WORKER_DLQ_URL to its URL, or add to the policy of the worker's role: "+statement(target, "sqs:GetQueueUrl"))
	case f.dead.url == "":
		return wrong(fmt.Sprintf("The redrive target of the source queue, %s, could not be looked up: %v.", target, f.dead.found.err), why,
			"Run worker doctor again, or set WORKER_DLQ_URL.")
	}
	return f.existence("The redrive target of the source queue", &f.dead)
}

func permissionLook(f *facts) []Finding {
	var findings []Finding
	for _, q := range []*queueFacts{&f.source, &f.dead} {
		if q.look.kind != denied {
			continue
		}
		fix := "Add to the policy of the worker's role: " + q.statement(f.region, "sqs:GetQueueAttributes")
		what := fmt.Sprintf("The worker may not look at the settings of %s (%s).", q.url, q.look.code)
		if q == &f.source && f.dead.url == "" {
			findings = append(findings, wrong(what, "WORKER_DLQ_URL is not set, so the redrive policy must be read to find the dead-letter queue; the worker does not start.", fix)...)
			continue
		}
		findings = append(findings, warning(what, "Its retention, redrive policy and encryption could not be checked.", fix)...)
	}
	return findings
}

func (f *facts) queues() []*queueFacts {
	var seen []*queueFacts
	for _, q := range []*queueFacts{&f.source, &f.dead} {
		if q.seen() {
			seen = append(seen, q)
		}
	}
	return seen
}

func dlqRetention(f *facts) []Finding {
	if len(f.queues()) < 2 {
		return nil
	}
	source, dead := f.source.seconds(retention), f.dead.seconds(retention)
	if dead > source || dead >= maxRetention {
		return nil
	}
	return warning(fmt.Sprintf("The dead-letter queue keeps letters for %s, and the source queue keeps messages for %s.", config.FormatDuration(dead), config.FormatDuration(source)),
		"What SQS moves there by itself keeps the age that it had, and may be gone before anybody looks; a letter that the worker writes is kept that long from then on.",
		f.setAttribute(&f.dead, retention, fmt.Sprint(int(maxRetention.Seconds()))))
}

// maxRetention is SQS's own limit (SetQueueAttributes, "MessageRetentionPeriod").
const maxRetention = 14 * 24 * time.Hour

const retention = types.QueueAttributeNameMessageRetentionPeriod

func dlqMessageSize(f *facts) []Finding {
	const size, most = types.QueueAttributeNameMaximumMessageSize, sqswire.MaxBytes
	if len(f.queues()) < 2 {
		return nil
	}
	source, dead := f.source.number(size), f.dead.number(size)
	if dead == 0 || dead >= most || dead > source+letterExtra {
		return nil
	}
	return warning(fmt.Sprintf("The dead-letter queue takes %s, and the source queue %s.", config.FormatSize(int64(dead)), config.FormatSize(int64(source))),
		"A letter is its message with attributes added: a large one does not fit, cannot be dead-lettered, and is tried again until its retention ends it.",
		f.setAttribute(&f.dead, size, fmt.Sprint(most)))
}

// letterExtra is about what a letter is larger than its message.
const letterExtra = 16 << 10

func dlqRedrive(f *facts) []Finding {
	if !f.dead.seen() {
		return nil
	}
	policy := f.dead.redrive()
	if policy.Target == "" {
		return nil
	}
	fix := f.setAttribute(&f.dead, types.QueueAttributeNameRedrivePolicy, "")
	if f.source.seen() && policy.Target == f.source.arn(f.region) {
		return wrong(fmt.Sprintf("The dead-letter queue has the source queue as its own redrive target (after %d receives).", policy.MaxReceives),
			"Letters that are looked at go back to the source queue by themselves, and come again.", fix)
	}
	return warning(fmt.Sprintf("The dead-letter queue has a redrive policy of its own: after %d receives SQS moves a letter on to %s.", policy.MaxReceives, policy.Target),
		"Looking at letters counts as receiving them: those looked at a few times disappear from where they are looked for.", fix)
}

func redriveTarget(f *facts) []Finding {
	target := f.source.redrive().Target
	if f.cfg.DLQURL == "" || target == "" || !f.dead.seen() || target == f.dead.arn(f.region) {
		return nil
	}
	return warning(fmt.Sprintf("WORKER_DLQ_URL is %s, and the source queue's redrive policy moves messages to another queue, %s.", f.dead.url, target),
		"Letters are in two places: the worker's in the one, with their reasons, and what SQS moves by itself in the other.",
		"Unset WORKER_DLQ_URL to use the redrive target, or: "+f.setAttribute(&f.source, types.QueueAttributeNameRedrivePolicy, redriveJSON(f.dead.arn(f.region), maxRedriveCount)))
}

// maxRedriveCount is SQS's own limit (SetQueueAttributes, "maxReceiveCount").
const maxRedriveCount = 1000

func redriveCount(f *facts) []Finding {
	policy := f.source.redrive()
	if policy.Target == "" || policy.MaxReceives >= maxRedriveCount && policy.MaxReceives > f.cfg.MaxReceives {
		return nil
	}
	fix := f.setAttribute(&f.source, types.QueueAttributeNameRedrivePolicy, redriveJSON(policy.Target, maxRedriveCount))
	if policy.MaxReceives > f.cfg.MaxReceives {
		return warning(fmt.Sprintf("After %d receives SQS moves a message to the dead-letter queue by itself.", policy.MaxReceives),
			"A message whose letter cannot be stored is given back, and received anew after 30 seconds to 15 minutes. If that lasts for days SQS moves it first. SQS's own letters carry no reason and not their event's time.", fix)
	}
	if f.cfg.MaxReceives >= maxRedriveCount {
		fix = fmt.Sprintf("Set WORKER_MAX_RECEIVES=100; then: %s", fix)
	}
	return wrong(fmt.Sprintf("After %d receives SQS moves a message to the dead-letter queue by itself, before WORKER_MAX_RECEIVES (%d).", policy.MaxReceives, f.cfg.MaxReceives),
		"Messages are received anew after each deployment and crash, without being at fault. SQS's own letters carry no reason and not their event's time, so one that is moved back later can overwrite newer values.", fix)
}

func redriveAllow(f *facts) []Finding {
	text := f.dead.attributes[string(types.QueueAttributeNameRedriveAllowPolicy)]
	if text == "" || !f.source.seen() || f.source.redrive().Target != f.dead.arn(f.region) {
		return nil
	}
	allow, arn := parseAllow(text), f.source.arn(f.region)
	if allow.permits(arn) {
		return nil
	}
	return warning(fmt.Sprintf("The dead-letter queue's redrive-allow policy (%s) does not let the source queue use it.", cmp.Or(allow.Permission, "unreadable")),
		"SQS refuses to move there what was received too often: it stays in the source queue.",
		f.setAttribute(&f.dead, types.QueueAttributeNameRedriveAllowPolicy, allow.with(arn)))
}

func backlog(f *facts) []Finding {
	if !f.source.seen() {
		return nil
	}
	waiting := f.source.number(types.QueueAttributeNameApproximateNumberOfMessages)
	rate := f.cfg.RateStart
	keeps := f.source.seconds(retention)
	var findings []Finding
	if takes := float64(waiting) / rate; takes > keeps.Seconds() {
		findings = warning(fmt.Sprintf("%d messages wait. At %g calls a second, a call for each, that takes %.1f hours; the queue keeps messages for %s.", waiting, rate, takes/3600, config.FormatDuration(keeps)),
			"Messages that become older than that are dropped by SQS without a trace. Updates of one thing share calls, so it may be quicker.",
			"Ask for a higher quota of UpdateManagedThing (Service Quotas, AWS IoT Device Management), and keep messages as long as possible: "+
				f.setAttribute(&f.source, retention, fmt.Sprint(int(maxRetention.Seconds()))))
	}
	name := queueurl.Name(f.source.url)
	return append(findings, note(fmt.Sprintf("How old the oldest message is SQS does not say; the queue keeps messages for %s.", config.FormatDuration(keeps)),
		"A message that becomes older is dropped by SQS without a trace.",
		fmt.Sprintf("Have an alarm at half of it on the CloudWatch metric ApproximateAgeOfOldestMessage of AWS/SQS, QueueName=%s.", name))...)
}
