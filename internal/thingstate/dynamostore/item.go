package dynamostore

import (
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"managed-thing-updater/internal/thingstate"
)

// readItem reads an item as it was before a Take, which drew a token where drawn
// is 1. Every Take adds one to p and 1 to the token, so the tokens of what is
// pending are those up to the last.
func readItem(attributes map[string]types.AttributeValue, now time.Time, drawn uint64) thingstate.Item {
	last, known := readNumber(attributes["t"])
	if !known {
		last = now.UnixMilli()
	}
	item := thingstate.Item{Token: uint64(last) + drawn, Now: now}
	if n, ok := attributes["n"].(*types.AttributeValueMemberB); ok {
		copy(item.By[:], n.Value)
	}
	if r, ok := attributes["r"].(*types.AttributeValueMemberB); ok {
		item.Record = r.Value
	}
	pending, _ := attributes["p"].(*types.AttributeValueMemberL)
	if pending == nil {
		return item
	}
	for i, entry := range pending.Value {
		p := thingstate.Pending{Token: uint64(last) - uint64(len(pending.Value)-1-i), At: now}
		// What is not as it was written is left to whoever reads the marks.
		if b, ok := entry.(*types.AttributeValueMemberB); ok && len(b.Value) >= 8 {
			p.At, p.Marks = time.UnixMilli(int64(binary.BigEndian.Uint64(b.Value))).UTC(), b.Value[8:]
		}
		item.Pending = append(item.Pending, p)
	}
	return item
}

func readNumber(v types.AttributeValue) (n int64, ok bool) {
	text, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text.Value, 10, 64)
	return n, err == nil
}

// conditionFailed returns the item that did not meet a condition, nil where
// DynamoDB does not say.
func conditionFailed(err error) (map[string]types.AttributeValue, bool) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return failed.Item, true
}

// refused says why a Take did not succeed.
func (tb *Table) refused(thing string, t thingstate.Take, err error) (thingstate.Item, error) {
	attributes, ok := conditionFailed(err)
	if !ok {
		return thingstate.Item{}, err
	}
	held := &thingstate.HeldError{Thing: thing}
	if attributes == nil {
		return thingstate.Item{}, held // a stand-in, which does not show the item: most likely that
	}
	if format, _ := readNumber(attributes["v"]); format > thingstate.RecordFormat {
		return thingstate.Item{}, &thingstate.UnreadableError{Thing: thing, Format: int(format), Where: tb.Where(thing)}
	}
	item := readItem(attributes, t.Now, 0)
	until, running := readNumber(attributes["u"])
	if own := item.By == t.By; len(item.Pending) >= thingstate.MaxPending && (own || !running || until <= t.Now.UnixMilli()) {
		return item, thingstate.ErrFull
	}
	if running {
		held.Until = time.UnixMilli(until)
	}
	return thingstate.Item{}, held
}
