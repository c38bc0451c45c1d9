package localcloud

import (
	"fmt"
	"net/http"
)

// sqsService is the signing name of SQS.
const sqsService = "sqs"

// sqsError is an error of SQS. The JSON protocol names the model's shape; the
// x-amzn-query-error header has the code of the older query protocol, which is
// what the SDKs show.
type sqsError struct {
	status        int
	shape, code   string
	message       string
	receiverFault bool
}

// sender is an error that is the caller's fault.
func sender(code, format string, args ...any) *sqsError {
	return &sqsError{status: http.StatusBadRequest, shape: "com.amazon.coral.service#" + code, code: code, message: fmt.Sprintf(format, args...)}
}

// modelled is an error that is a shape of SQS's model.
func modelled(shape, code, format string, args ...any) *sqsError {
	e := sender(code, format, args...)
	e.shape = "com.amazonaws.sqs#" + shape
	return e
}

const queryPrefix = "AWS.SimpleQueueService."

func noSuchQueue() *sqsError {
	return modelled("QueueDoesNotExist", queryPrefix+"NonExistentQueue", "The specified queue does not exist.")
}

func batchError(shape, format string, args ...any) *sqsError {
	return modelled(shape, queryPrefix+shape, format, args...)
}

func malformedHandle(handle string) *sqsError {
	return modelled("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", handle)
}

func invalidValue(value any, parameter, reason string) *sqsError {
	return sender("InvalidParameterValue", "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func missing(parameter string) *sqsError {
	return sender("MissingParameter", "The request must contain the parameter %s.", parameter)
}

func (e *sqsError) write(w http.ResponseWriter) {
	fault := "Sender"
	if e.receiverFault {
		fault = "Receiver"
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("X-Amzn-Query-Error", e.code+";"+fault)
	w.WriteHeader(e.status)
	_, _ = w.Write(mustMarshal(map[string]string{"__type": e.shape, "message": e.message}))
}
