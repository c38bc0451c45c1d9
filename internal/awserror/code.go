// Package awserror tells what AWS's error codes are about, where several parts of
// the worker must know.
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

// refused are answers to credentials that are not accepted. From the common errors
// of AWS APIs, and the names that SQS uses beside them.
var refused = map[string]bool{
	"InvalidClientTokenId": true, "UnrecognizedClientException": true, "UnrecognizedClient": true,
	"SignatureDoesNotMatch": true, "InvalidSignatureException": true, "InvalidSignature": true,
	"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true,
	"IncompleteSignature": true, "IncompleteSignatureException": true,
	"MissingAuthenticationToken": true, "MissingAuthenticationTokenException": true,
	"InvalidSecurity": true, "InvalidAccessKeyId": true, "RequestTimeTooSkewed": true, "OptInRequired": true,
}

// RefusesCredentials reports whether code says that the caller's credentials,
// signature or clock are not accepted, whatever was asked.
func RefusesCredentials(code string) bool { return refused[code] }

// Denies reports whether code says that the caller may not do what it asked.
func Denies(code string) bool {
	return code == "AccessDenied" || code == "AccessDeniedException" || code == "AWS.SimpleQueueService.AccessDenied"
}

// NoQueue reports whether code is SQS's word that there is no such queue.
func NoQueue(code string) bool {
	return code == "AWS.SimpleQueueService.NonExistentQueue" || code == "QueueDoesNotExist"
}

// NoQueueURL reports whether code is SQS's word that what was given is no queue's
// URL.
func NoQueueURL(code string) bool {
	return code == "InvalidAddress" || code == "InvalidParameterValue" || code == "UnsupportedOperation"
}
