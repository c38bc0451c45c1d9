// Package awserror tells what AWS's errors are about: who refused, and what a person
// must change. There is one table of codes and advice (table.go), for the worker's log,
// its readiness and the doctor.
package awserror

import (
	"errors"

	"github.com/aws/smithy-go"
)

// Code is the error code that AWS gave, empty where err is no answer of AWS.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// RefusesCredentials reports whether code says that the caller's credentials,
// signature or clock are not accepted, whatever was asked.
func RefusesCredentials(code string) bool {
	return Cause{Code: Short(code)}.entry().kind == BadCredentials
}
