package app

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// SetupError says that the worker cannot start as it is set up: a person must
// change something first.
type SetupError struct {
	Fault error  // what is wrong, naming the thing
	Fix   string // the way out
}

func (e *SetupError) Error() string { return e.Fault.Error() + "; " + e.Fix }
func (e *SetupError) Unwrap() error { return e.Fault }

// refusedCodes are SQS's answers to credentials that it does not accept. From the
// common errors of AWS APIs.
var refusedCodes = map[string]bool{
	"InvalidClientTokenId": true, "UnrecognizedClientException": true, "SignatureDoesNotMatch": true,
	"InvalidSignatureException": true, "InvalidSignature": true, "InvalidSecurity": true,
	"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true,
	"IncompleteSignature": true, "MissingAuthenticationToken": true, "InvalidAccessKeyId": true,
	"RequestTimeTooSkewed": true, "OptInRequired": true,
}

const (
	absent  = "AWS.SimpleQueueService.NonExistentQueue"
	absent2 = "QueueDoesNotExist"
)

// diagnose tells what keeps a request about a queue from succeeding: nil where it
// may pass by itself.
func diagnose(err error, setting, url string) *SetupError {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return nil
	}
	switch code := api.ErrorCode(); {
	case code == absent || code == absent2:
		return &SetupError{
			fmt.Errorf("%s: the queue %s does not exist", setting, url),
			"check the URL, and that AWS_REGION and the account are the queue's own",
		}
	case refusedCodes[code]:
		return &SetupError{
			fmt.Errorf("SQS refuses the credentials (%s): %s", code, api.ErrorMessage()),
			"check AWS_PROFILE, the keys or the role, AWS_REGION, and the clock",
		}
	case code == "InvalidAddress" || code == "InvalidParameterValue" || code == "UnsupportedOperation":
		return &SetupError{
			fmt.Errorf("%s: SQS does not take %q as a queue (%s): %s", setting, url, code, api.ErrorMessage()),
			"give the queue's URL as SQS shows it",
		}
	}
	return nil
}

func accessDenied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	code := api.ErrorCode()
	return code == "AccessDenied" || code == "AccessDeniedException" || code == "AWS.SimpleQueueService.AccessDenied"
}
