// Package dynamostore keeps the records of things in a DynamoDB table.
//
// A thing is one item; each write is one UpdateItem under a condition, and there
// is no read. DynamoDB has no clock that a condition could ask, but each of its answers
// has a Date: leases run by that, as every worker knows it to about a second, whatever its
// own clock says. Attributes have short names, since they count for the item's size, and
// every started KiB of that for the price of a write:
//
//	thing    S  the Identifier; the partition key
//	v        N  thingstate.ItemFormat when it was written
//	t        N  the last token; the first is the time in milliseconds, so that
//	            tokens grow even if an item was forgotten in between
//	n        B  the holder of the last lease
//	u        N  the lease's end, in milliseconds; absent: it was ended
//	w        N  grows by 1 with each Put; begins as t does
//	d        L  of S: the holders that made the last Puts, oldest first
//	r        B  the record
//	p        L  two for each Take since the last Put. S: its holder. B: its time in
//	            milliseconds, 8 bytes, and its marks
//	expires  N  when the item is forgotten, in seconds: the table's TTL attribute
//
// A holder in d or p is in base64: some stand-ins cannot tell bytes apart. Format 1 had
// neither w nor d nor the holders in p, and is read.
//
// An item is typically below 1 KiB. Full to every bound it has 250 KB, of the 400
// that DynamoDB allows.
package dynamostore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"managed-thing-updater/internal/thingstate"
)

// The attributes.
const (
	keyThing  = "thing"
	ttlExpiry = "expires"
)

// Table implements thingstate.Table. Make it with New.
type Table struct {
	name   string
	region string
	api    *dynamodb.Client
	clock  *clock
}

// Options of a Table.
type Options struct {
	Name string // of the table, in the account and Region of the configuration
	// HTTP carries the requests. It should give up on an answer after a second or
	// two, so that there is time for another try. Nil: the SDK's own.
	HTTP aws.HTTPClient
	// Now is this process's clock; nil: time.Now.
	Now func() time.Time
	// Ahead is told with each answer how far this process's clock is ahead of DynamoDB's,
	// to a second or so; below 0 it is behind. It may be nil.
	Ahead func(time.Duration)
}

const (
	tries      = 3
	mostJitter = 500 * time.Millisecond
	// slack is how much longer than it must an item is kept.
	slack = time.Hour
)

// New makes a table; nothing is asked of DynamoDB yet.
//
// The SDK's own retries are on here: an UpdateItem that is repeated, because its
// answer was lost or late, finds its own Holder in the item, and so does the same
// once more or knows that it was made. The SDK's bucket of retries is off: an
// operation that fails because of it would say nothing of what is wrong.
func New(cfg aws.Config, o Options) *Table {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &clock{process: o.Now, ahead: o.Ahead}
	client := dynamodb.NewFromConfig(cfg, func(d *dynamodb.Options) {
		if o.HTTP != nil {
			d.HTTPClient = o.HTTP
		}
		d.HTTPClient = dated{d.HTTPClient, c}
		d.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff, r.RateLimiter = tries, mostJitter, ratelimit.None
		})
	})
	return &Table{name: o.Name, region: cfg.Region, api: client, clock: c}
}

// Endpoint is the endpoint that is set for DynamoDB, nil if none is.
func (tb *Table) Endpoint() *string { return tb.api.Options().BaseEndpoint }

// String implements thingstate.Table.
func (tb *Table) String() string { return "dynamodb://" + tb.name }

// Where implements thingstate.Table.
func (tb *Table) Where(thing string) string {
	return fmt.Sprintf("the item with %s = %q of the DynamoDB table %s", keyThing, thing, tb.name)
}

// Close implements thingstate.Table.
func (*Table) Close() error { return nil }

// What is late is refused by what the item knows. Take: by a holder in d, which has
// finished, or one in p that does not hold the item, from which others took it.
// u <= :until keeps a Take that was long on its way from shortening the lease of the
// repetition that overtook it. Put: without the w that its Take returned, others have
// made a Put; without its holder as n, others have taken the item, and p keeps the
// holder from taking it again. A Put whose answer was lost finds itself in d, and if
// no other came since, it writes the same once more.
const (
	takeUpdate = "SET #t = if_not_exists(#t, :start) + :one, #n = :by, #u = :until, #v = :format, #x = :expires, " +
		"#w = if_not_exists(#w, :start), #p = list_append(if_not_exists(#p, :none), :marks)"
	takeCondition = "(attribute_not_exists(#v) OR #v <= :format) AND (attribute_not_exists(#p) OR size(#p) < :full) AND " +
		"(attribute_not_exists(#d) OR NOT contains(#d, :holder)) AND (" +
		"((attribute_not_exists(#u) OR #u <= :now) AND (attribute_not_exists(#n) OR #n <> :by) AND (attribute_not_exists(#p) OR NOT contains(#p, :holder))) OR " +
		"(#n = :by AND #u <= :until))"

	putUpdate    = "SET #r = :record, #n = :by, #w = :after, #d = :finished, #x = :expires REMOVE #u, #p"
	putCondition = "(#n = :of AND #w = :before) OR (#n = :by AND contains(#d, :holder))"
)

// Take implements thingstate.Table.
func (tb *Table) Take(ctx context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	asked := t.Now
	t.Now = tb.clock.now(asked)
	start := t.Now.UnixMilli()
	marks := append(binary.BigEndian.AppendUint64(nil, uint64(start)), t.Marks...)
	out, err := tb.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &tb.name, Key: key(thing),
		UpdateExpression: aws.String(takeUpdate), ConditionExpression: aws.String(takeCondition),
		ExpressionAttributeNames: map[string]string{"#t": "t", "#n": "n", "#u": "u", "#v": "v", "#x": ttlExpiry, "#p": "p", "#w": "w", "#d": "d"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":start": number(start), ":one": number(1), ":by": binaryValue(t.By[:]), ":holder": holder(t.By),
			":now": number(start), ":until": number(t.Now.Add(t.Lease).UnixMilli()), ":format": number(thingstate.ItemFormat),
			":expires": expires(t.Now, t.TTL), ":full": number(2 * thingstate.MaxPending),
			":none": &types.AttributeValueMemberL{}, ":marks": list(holder(t.By), binaryValue(marks)),
		},
		ReturnValues:                        types.ReturnValueAllOld,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return tb.refused(thing, t, asked, err)
	}
	return readItem(out.Attributes, t.Now, 1), nil
}

// Put implements thingstate.Table.
func (tb *Table) Put(ctx context.Context, thing string, p thingstate.Put) error {
	var finished []types.AttributeValue
	for _, by := range p.Finishers() {
		finished = append(finished, holder(by))
	}
	p.Now = tb.clock.now(p.Now)
	_, err := tb.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &tb.name, Key: key(thing),
		UpdateExpression: aws.String(putUpdate), ConditionExpression: aws.String(putCondition),
		ExpressionAttributeNames: map[string]string{"#n": "n", "#r": "r", "#x": ttlExpiry, "#u": "u", "#p": "p", "#w": "w", "#d": "d"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":by": binaryValue(p.By[:]), ":of": binaryValue(p.Of[:]), ":holder": holder(p.By),
			":before": number(int64(p.Puts)), ":after": number(int64(p.Puts) + 1),
			":finished": list(finished...), ":record": binaryValue(p.Record), ":expires": expires(p.Now, p.TTL),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	attributes, failed := conditionFailed(err)
	switch {
	case !failed:
		return err
	case slices.Contains(readItem(attributes, p.Now, 0).Finished, p.By):
		return nil // it was made before, and others came since
	}
	return thingstate.ErrLeaseLost
}

func key(thing string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{keyThing: &types.AttributeValueMemberS{Value: thing}}
}

func binaryValue(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func list(values ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: values}
}

// holder is how a holder stands in a list.
func holder(by thingstate.Holder) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: base64.RawStdEncoding.EncodeToString(by[:])}
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func expires(now time.Time, ttl time.Duration) types.AttributeValue {
	return number(now.Add(ttl + slack).Unix())
}
