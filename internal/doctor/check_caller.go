package doctor

import (
	"errors"
	"fmt"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/managedthings"
)

var errNoCredentials = errors.New("none are set up")

func credentials(f *facts) []Finding {
	const why = "Every request to AWS is signed with them: without, the worker does nothing."
	if f.credentialsErr != nil {
		cause := awserror.Of(&awserror.CredentialsError{Err: f.credentialsErr})
		return wrong(fmt.Sprintf("No AWS credentials could be had: %v.", f.credentialsErr), why, sentence(cause.Fix(awserror.Request{}))+f.throughProxy(cause))
	}
	for _, q := range []*queueFacts{&f.source, &f.dead} {
		if q.look.kind == noCaller {
			return f.refused("SQS", q.look.cause, why)
		}
	}
	if api, ok := errors.AsType[*managedthings.APIError](f.api.err); ok && awserror.RefusesCredentials(api.Code) {
		return f.refused("The API", awserror.Of(api), why)
	}
	return nil
}

func (f *facts) refused(who string, cause awserror.Cause, why string) []Finding {
	if cause.Kind == awserror.NoCredentials {
		return wrong(sentence(cause.What(awserror.Request{})+" ("+cause.Code+")"), why, sentence(cause.Fix(awserror.Request{})))
	}
	return wrong(fmt.Sprintf("%s does not accept the credentials from %s (%s).", who, f.credentials.Source, cause.Code), why,
		sentence(cause.Fix(awserror.Request{})+" (AWS_REGION is "+f.region+")"))
}

func credentialsExpire(f *facts) []Finding {
	if f.credentials.SessionToken == "" || f.credentials.Source != awsconfig.CredentialsSourceName {
		return nil
	}
	return warning("The AWS credentials are a session's, given in AWS_SESSION_TOKEN: they run out, and nobody renews them.",
		"When they have run out every call is refused, and the worker waits with its circuit open until it is started anew.",
		"For a worker that stays, use a role (ECS task role, EKS Pod Identity, IRSA, instance profile) or a profile that renews itself; unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.")
}

func region(f *facts) []Finding {
	if f.region == "" {
		return wrong("No AWS Region is set.", "Requests are signed for a Region and sent to its endpoints; the worker does not start.",
			"Set AWS_REGION to the queue's Region, or region in the profile.")
	}
	for _, q := range []struct{ setting, url string }{{"WORKER_QUEUE_URL", f.source.url}, {"WORKER_DLQ_URL", f.cfg.DLQURL}} {
		if of := regionOf(q.url); of != "" && of != f.region {
			return wrong(fmt.Sprintf("%s is in %s, and the worker's Region is %s.", q.setting, of, f.region),
				"SQS is asked in the worker's Region, where there is no such queue.",
				fmt.Sprintf("Set AWS_REGION=%s, if the things are registered there; else move the queue to %s.", of, f.region))
		}
	}
	return nil
}
