package sqswire_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/sqswire"
)

func failed(id, code string, sender bool) types.BatchResultErrorEntry {
	return types.BatchResultErrorEntry{Id: &id, Code: &code, Message: aws.String("why"), SenderFault: sender}
}

func TestEachEntryOfABatchHasItsOwnResult(t *testing.T) {
	got := sqswire.Deleted(&sqs.DeleteMessageBatchOutput{
		Successful: []types.DeleteMessageBatchResultEntry{{Id: aws.String("0")}, {Id: aws.String("3")}, {Id: aws.String("5")}, {Id: aws.String("x")}, {}},
		Failed:     []types.BatchResultErrorEntry{failed("1", "InternalError", false), failed("3", "InternalError", false), failed("-1", "InternalError", false)},
	}, 5)
	if len(got) != 5 || got[0] != nil || got[2] != sqswire.ErrNoAnswer || got[4] != sqswire.ErrNoAnswer {
		t.Fatalf("%v", got)
	}
	for _, i := range []int{1, 3} { // said to have failed and to have succeeded, an entry failed
		if e, ok := errors.AsType[*sqswire.EntryError](got[i]); !ok || *e != (sqswire.EntryError{Code: "InternalError", Message: "why"}) {
			t.Errorf("entry %d: %v", i, got[i])
		}
	}
	if codes := fmt.Sprint(sqswire.Codes(got)); codes != "[InternalError no_answer InternalError no_answer]" {
		t.Errorf("codes %v", codes)
	}
}

func TestEveryKindOfBatchTellsWhatSucceeded(t *testing.T) {
	id := sqswire.EntryID(1)
	for kind, got := range map[string][]error{
		"delete":     sqswire.Deleted(&sqs.DeleteMessageBatchOutput{Successful: []types.DeleteMessageBatchResultEntry{{Id: id}}}, 2),
		"visibility": sqswire.VisibilityChanged(&sqs.ChangeMessageVisibilityBatchOutput{Successful: []types.ChangeMessageVisibilityBatchResultEntry{{Id: id}}}, 2),
		"send":       sqswire.Sent(&sqs.SendMessageBatchOutput{Successful: []types.SendMessageBatchResultEntry{{Id: id}}}, 2),
	} {
		if len(got) != 2 || got[0] != sqswire.ErrNoAnswer || got[1] != nil {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

func TestWhatAFailureMeans(t *testing.T) {
	entry := func(code string, sender bool) error { return &sqswire.EntryError{Code: code, SenderFault: sender} }
	request := func(code string) error { return &smithy.GenericAPIError{Code: code} }
	const older = "AWS.SimpleQueueService."
	for _, c := range []struct {
		err                           error
		code                          string
		gone, final, content, tooMany bool
	}{
		{nil, "", false, false, false, false},
		{sqswire.ErrNoAnswer, "no_answer", false, false, false, false},
		{context.DeadlineExceeded, "timeout", false, false, false, false},
		{errors.New("connection reset"), "connection", false, false, false, false},
		{entry("InternalError", false), "InternalError", false, false, false, false},
		{entry("AccessDenied", true), "AccessDenied", false, true, false, false},
		{entry("ReceiptHandleIsInvalid", false), "ReceiptHandleIsInvalid", true, true, false, false},
		{entry(older+"MessageNotInflight", true), "MessageNotInflight", true, true, false, false},
		{entry("InvalidParameterValue", true), "InvalidParameterValue", true, true, true, false},
		{entry("InvalidMessageContents", true), "InvalidMessageContents", false, true, true, false},
		{entry("RequestThrottled", true), "RequestThrottled", false, false, false, true},
		{entry("KMS.ThrottlingException", true), "KMS.ThrottlingException", false, false, false, true},
		{request("InvalidParameterValue"), "InvalidParameterValue", false, false, true, false},
		{request("com.amazonaws.sqs#ReceiptHandleIsInvalid"), "ReceiptHandleIsInvalid", false, false, false, false},
		{fmt.Errorf("stopped: %w", request(older+"BatchRequestTooLong")), "BatchRequestTooLong", false, false, true, false},
		{request("RequestLimitExceeded"), "RequestLimitExceeded", false, false, false, true},
	} {
		if got := sqswire.Code(c.err); got != c.code {
			t.Errorf("%v: code %q, want %q", c.err, got, c.code)
		}
		if sqswire.HandleGone(c.err) != c.gone || sqswire.Final(c.err) != c.final || sqswire.RefusedContent(c.err) != c.content || sqswire.Throttled(c.err) != c.tooMany {
			t.Errorf("%v: gone %v, final %v, content %v, throttled %v; want %+v", c.err, sqswire.HandleGone(c.err),
				sqswire.Final(c.err), sqswire.RefusedContent(c.err), sqswire.Throttled(c.err), c)
		}
	}
}
