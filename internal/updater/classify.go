package updater

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/telemetry"
)

// The causes of a call's end by its timeout.
var (
	errCallTimeout  = errors.New("the call took longer than WORKER_CALL_TIMEOUT")
	errProbeTimeout = errors.New("the probe took longer than it may while the circuit is open")
)

// fault is what a kind of failure is about: it decides what happens next.
type fault int

const (
	noFault   fault = iota
	quota           // the API's quota: no update's failure
	values          // the values are refused: no call with them will ever succeed
	missing         // the thing is not there, or not yet
	denied          // this thing may not be touched by us
	caller          // the API does not accept our credentials: nothing to do with the thing
	trouble         // the service, the network, or something that may pass
	inBetween       // something answers that is not the API: neither a success nor a failure of the update
	notSent         // no call was made: a lease could have ended before the call
)

// failure is how a call ended, by modelled codes and never by the status alone.
type failure struct {
	fault  fault
	result telemetry.CallResult
	code   string // the API's code, or a name of ours if it gave none
	// answered is set if the API said something.
	answered bool
	// unknown is set if the call may have been applied nevertheless.
	unknown bool
	// over is set with unknown if it will not be applied any more: the service itself has
	// answered, not a gateway in front of it.
	over       bool
	retryAfter time.Duration
	requestID  string
	detail     string // for people; never a sensitive value
	// tooLarge is set for a body that was refused for its size: a smaller one may pass.
	tooLarge bool
}

// ending is what it means for the circuit. A denial of one thing may be meant for all
// things.
func (f failure) ending() pace.Ending {
	switch f.fault {
	case noFault:
		return pace.Succeeded
	case quota:
		return pace.Alive
	case values, missing:
		return pace.Refused
	case caller:
		return pace.CallerRefused
	}
	if f.result == telemetry.CallConflict || f.tooLarge {
		return pace.Alive
	}
	return pace.Failing
}

// CodeInBetween is the code of calls that were answered, but not by the API.
const CodeInBetween = "not_the_api"

func classify(err error) failure {
	if err == nil {
		return failure{result: telemetry.CallOK, answered: true}
	}
	if errors.Is(err, managedthings.ErrTooLate) {
		return failure{fault: notSent}
	}
	if api, ok := errors.AsType[*managedthings.APIError](err); ok {
		return classifyAnswer(api)
	}
	if _, ok := errors.AsType[*managedthings.CredentialsError](err); ok {
		return failure{fault: caller, result: telemetry.CallCaller, code: "NoCredentials"}
	}
	transport, ok := errors.AsType[*managedthings.TransportError](err)
	unknown := !ok || transport.Sent // what was never sent is applied nowhere
	if errors.Is(err, errCallTimeout) || errors.Is(err, errProbeTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return failure{fault: trouble, result: telemetry.CallTimeout, code: "timeout", unknown: unknown}
	}
	return failure{fault: trouble, result: telemetry.CallConnection, code: "connection", unknown: unknown}
}

func classifyAnswer(api *managedthings.APIError) failure {
	f := failure{code: api.ErrorCode(), answered: true, retryAfter: api.RetryAfter, requestID: api.RequestID}
	_, throttle := awsretry.DefaultThrottleErrorCodes[f.code]
	switch {
	case throttle || api.Status == http.StatusTooManyRequests:
		f.fault, f.result = quota, telemetry.CallThrottled
	case f.code == "ValidationException":
		f.fault, f.result = values, telemetry.CallRejected
	case f.code == "ResourceNotFoundException":
		f.fault, f.result = missing, telemetry.CallNotFound
	case f.code == "AccessDeniedException" || f.code == "UnauthorizedException":
		f.fault, f.result = denied, telemetry.CallDenied
	case awserror.RefusesCredentials(f.code):
		f.fault, f.result = caller, telemetry.CallCaller
	case f.code == "ConflictException":
		f.fault, f.result = trouble, telemetry.CallConflict
	case f.code == "ServiceUnavailableException":
		f.fault, f.result = trouble, telemetry.CallUnavailable
	case api.Status == http.StatusRequestEntityTooLarge:
		f.fault, f.result, f.tooLarge = trouble, telemetry.CallTooLarge, true
	case api.Status == http.StatusServiceUnavailable:
		f.fault, f.result, f.unknown = trouble, telemetry.CallUnavailable, true
	case api.Status >= 500:
		// A gateway that lost its back end does not know what that did.
		f.fault, f.result, f.unknown, f.over = trouble, telemetry.CallInternal, true, api.Modelled
	case api.NotTheAPI():
		f.fault, f.result, f.unknown, f.code = inBetween, telemetry.CallOther, true, CodeInBetween
	default:
		f.fault, f.result = trouble, telemetry.CallOther
	}
	if f.code == "" {
		f.code = "HTTP " + strconv.Itoa(api.Status)
	}
	return f
}
