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

// diagnose tells what keeps a request about a queue from succeeding: nil if it may
// pass by itself, or if the caller may not ask it.
func diagnose(err error, setting, url string) *SetupError {
	cause := awserror.Of(err)
	fix := cause.Fix(awserror.Request{Setting: setting})
	switch cause.Kind {
	case awserror.NoQueue:
		return &SetupError{fmt.Errorf("%s: the queue %s does not exist", setting, url), fix}
	case awserror.BadCredentials, awserror.SkewedClock:
		return &SetupError{fmt.Errorf("SQS refuses the credentials (%s): %s", cause.Code, words(err)), fix}
	case awserror.NoQueueURL:
		return &SetupError{fmt.Errorf("%s: SQS does not take %q as a queue (%s): %s", setting, url, cause.Code, words(err)), fix}
	}
	return nil
}

// words are what AWS says beside its code.
func words(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorMessage()
	}
	return err.Error()
}

func accessDenied(err error) bool { return awserror.Of(err).Kind == awserror.Denied }
