package dynamostore

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"managed-thing-updater/internal/thingstate"
)

// readItem reads an item as it was before a Take, which drew a token if drawn
// is 1. Every Take adds its marks to p and 1 to the token, so the tokens of what is
// pending are those up to the last.
func readItem(attributes map[string]types.AttributeValue, now time.Time, drawn uint64) thingstate.Item {
	last, puts := count(attributes["t"], now), count(attributes["w"], now)
	item := thingstate.Item{Token: last + drawn, Puts: puts, Now: now}
	if n, ok := attributes["n"].(*types.AttributeValueMemberB); ok {
		copy(item.By[:], n.Value)
	}
	if r, ok := attributes["r"].(*types.AttributeValueMemberB); ok {
		item.Record = r.Value
	}
	for _, entry := range entries(attributes["d"]) {
		if by, ok := readHolder(entry); ok {
			item.Finished = append(item.Finished, by)
		}
	}
	pending := slices.DeleteFunc(slices.Clone(entries(attributes["p"])), func(entry types.AttributeValue) bool {
		_, ok := readHolder(entry)
		return ok
	})
	for i, entry := range pending {
		p := thingstate.Pending{Token: last - uint64(len(pending)-1-i), At: now}
		// What is not as it was written is left to what reads the marks.
		if b, ok := entry.(*types.AttributeValueMemberB); ok && len(b.Value) >= 8 {
			p.At, p.Marks = time.UnixMilli(int64(binary.BigEndian.Uint64(b.Value))).UTC(), b.Value[8:]
		}
		item.Pending = append(item.Pending, p)
	}
	return item
}

// count is a number that begins as the time in milliseconds.
func count(v types.AttributeValue, now time.Time) uint64 {
	n, known := readNumber(v)
	if !known {
		n = now.UnixMilli()
	}
	return uint64(n)
}

// entries are those of a list, none if there is no list.
func entries(v types.AttributeValue) []types.AttributeValue {
	if list, ok := v.(*types.AttributeValueMemberL); ok {
		return list.Value
	}
	return nil
}

func readHolder(v types.AttributeValue) (by thingstate.Holder, ok bool) {
	text, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return by, false
	}
	b, err := base64.RawStdEncoding.DecodeString(text.Value)
	ok = err == nil && copy(by[:], b) == len(by)
	return by, ok
}

func readNumber(v types.AttributeValue) (n int64, ok bool) {
	text, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text.Value, 10, 64)
	return n, err == nil
}

// conditionFailed returns the item that did not meet a condition, nil if
// DynamoDB does not say.
func conditionFailed(err error) (map[string]types.AttributeValue, bool) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return failed.Item, true
}

// refused says why a Take did not succeed. asked is its time by the process's clock.
func (tb *Table) refused(thing string, t thingstate.Take, asked time.Time, err error) (thingstate.Item, error) {
	attributes, ok := conditionFailed(err)
	if !ok {
		return thingstate.Item{}, err
	}
	held := &thingstate.HeldError{Thing: thing}
	if attributes == nil {
		return thingstate.Item{}, held // a stand-in, which does not show the item: most likely that
	}
	if format, _ := readNumber(attributes["v"]); format > thingstate.ItemFormat {
		return thingstate.Item{}, &thingstate.UnreadableError{Thing: thing, Format: int(format), Where: tb.Where(thing)}
	}
	item := readItem(attributes, t.Now, 0)
	until, running := readNumber(attributes["u"])
	if own := item.By == t.By; len(item.Pending) >= thingstate.MaxPending && (own || !running || until <= t.Now.UnixMilli()) {
		return item, thingstate.ErrFull
	}
	if running {
		held.Until = asked.Add(time.UnixMilli(until).Sub(t.Now))
	}
	return thingstate.Item{}, held
}
