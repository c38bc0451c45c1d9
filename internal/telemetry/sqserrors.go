package telemetry

import "slices"

// SQSCodes are the codes of failed requests and entries that have a series of their
// own: SQS's, without the prefixes of its query protocol, and our names for what has no
// code. All others are "other", so that a stranger's word makes no series.
var SQSCodes = []string{
	"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "QueueDoesNotExist", "NonExistentQueue",
	"InvalidParameterValue", "InvalidMessageContents", "InvalidAttributeValue", "BatchRequestTooLong",
	"ReceiptHandleIsInvalid", "MessageNotInflight", "OverLimit",
	"InternalError", "InternalFailure", "ServiceUnavailable", "RequestThrottled", "ThrottlingException", "Throttling",
	"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException",
	"timeout", "connection", "proxy", "not_aws", "no_credentials", "no_answer",
}

// SQSRequest counts a request to SQS. codes are those of what failed: one of the whole
// request, or one for each failed entry of a batch that was answered 200; none if all
// went well.
func (m *Metrics) SQSRequest(action string, codes ...string) {
	result := "ok"
	if len(codes) > 0 {
		result = "error"
	}
	m.SQSRequests.With(action, result).Inc()
	for _, code := range codes {
		if !slices.Contains(SQSCodes, code) {
			code = "other"
		}
		m.SQSErrors.With(action, code).Inc()
	}
}
