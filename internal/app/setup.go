package app

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/awserror"
)

// SetupError says that the worker cannot start as it is set up: a person must
// change something first.
type SetupError struct {
	Fault error  // what is wrong, naming the thing
	Fix   string // the way out
}

func (e *SetupError) Error() string { return e.Fault.Error() + "; " + e.Fix }
func (e *SetupError) Unwrap() error { return e.Fault }

// diagnose tells what keeps a request about a queue from succeeding: nil where it
// may pass by itself.
func diagnose(err error, setting, url string) *SetupError {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return nil
	}
	switch code := api.ErrorCode(); {
	case awserror.NoQueue(code):
		return &SetupError{
			fmt.Errorf("%s: the queue %s does not exist", setting, url),
			"check the URL, and that AWS_REGION and the account are the queue's own",
		}
	case awserror.RefusesCredentials(code):
		return &SetupError{
			fmt.Errorf("SQS refuses the credentials (%s): %s", code, api.ErrorMessage()),
			"check AWS_PROFILE, the keys or the role, AWS_REGION, and the clock",
		}
	case awserror.NoQueueURL(code):
		return &SetupError{
			fmt.Errorf("%s: SQS does not take %q as a queue (%s): %s", setting, url, code, api.ErrorMessage()),
			"give the queue's URL as SQS shows it",
		}
	}
	return nil
}

func accessDenied(err error) bool { return awserror.Denies(awserror.Code(err)) }
