package telemetry

// CallResult is how an API call ended. A closed set.
type CallResult string

const (
	CallOK          CallResult = "ok"
	CallThrottled   CallResult = "throttled"
	CallRejected    CallResult = "rejected"
	CallTooLarge    CallResult = "too_large"
	CallNotFound    CallResult = "not_found"
	CallDenied      CallResult = "denied"
	CallConflict    CallResult = "conflict"
	CallInternal    CallResult = "internal"
	CallUnavailable CallResult = "unavailable"
	CallTimeout     CallResult = "timeout"
	CallConnection  CallResult = "connection"
	CallCaller      CallResult = "caller" // credentials, signature, clock: nothing to do with the thing
	CallOther       CallResult = "other"
)

// CallResults lists every CallResult.
var CallResults = []CallResult{
	CallOK, CallThrottled, CallRejected, CallTooLarge, CallNotFound, CallDenied, CallConflict,
	CallInternal, CallUnavailable, CallTimeout, CallConnection, CallCaller, CallOther,
}

// SQSActions lists the actions of SQS that the worker uses.
var SQSActions = []string{
	"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch", "GetQueueAttributes", "GetQueueUrl",
}

// LostTo is where an update lost to a newer value. A closed set.
type LostTo string

const (
	LostToWaiting LostTo = "waiting" // both waited, and shared the call
	LostToRecord  LostTo = "record"  // the newer value had been applied before
)

// LostTos lists every LostTo.
var LostTos = []LostTo{LostToWaiting, LostToRecord}

// Counting is what a failed call counts for. A closed set.
type Counting string

const (
	Counted    Counting = "yes"         // against the update
	Trouble    Counting = "trouble"     // other things fail as well
	NoEvidence Counting = "no_evidence" // there is no other traffic to compare with
)

// Countings lists every Counting.
var Countings = []Counting{Counted, Trouble, NoEvidence}
