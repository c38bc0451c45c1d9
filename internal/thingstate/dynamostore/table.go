// Package dynamostore keeps the records of things in a DynamoDB table.
//
// A thing is one item; each write is one UpdateItem under a condition, and there
// is no read. DynamoDB has no clock that a condition could ask, so leases run by
// the clocks of the workers: one whose clock is ahead of another's takes a lease
// over so much earlier. Its attributes have short names, since they count for the
// item's size, and every started KiB of that for the price of a write:
//
//	thing    S  the Identifier; the partition key
//	v        N  the newest format of what is in r and p
//	t        N  the last token; the first is the time in milliseconds, so that
//	            tokens grow even where an item was forgotten in between
//	n        B  the holder of the last lease
//	u        N  the lease's end, in milliseconds; absent: it was ended
//	r        B  the record
//	p        L  of B: the marks of each acquisition since the last Finish, each after
//	            its time in milliseconds, 8 bytes
//	expires  N  when the item is forgotten, in seconds: the table's TTL attribute
//
// An item is typically below 1 KiB. Full to every bound it has 250 KB, of the 400
// that DynamoDB allows.
package dynamostore

import (
	"context"
	"encoding/binary"
	"fmt"
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
}

// Options of a Table.
type Options struct {
	Name string // of the table, in the account and Region of the configuration
	// HTTP carries the requests. It should give up on an answer after a second or
	// two, so that there is time for another try. Nil: the SDK's own.
	HTTP aws.HTTPClient
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
// answer was lost or late, finds its own Holder in the item and so does the same
// once more. The SDK's bucket of retries is off: an operation that fails because
// of it would say nothing of what is wrong.
func New(cfg aws.Config, o Options) *Table {
	client := dynamodb.NewFromConfig(cfg, func(d *dynamodb.Options) {
		if o.HTTP != nil {
			d.HTTPClient = o.HTTP
		}
		d.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff, r.RateLimiter = tries, mostJitter, ratelimit.None
		})
	})
	return &Table{name: o.Name, region: cfg.Region, api: client}
}

// String implements thingstate.Table.
func (tb *Table) String() string { return "dynamodb://" + tb.name }

// Where implements thingstate.Table.
func (tb *Table) Where(thing string) string {
	return fmt.Sprintf("the item with %s = %q of the DynamoDB table %s", keyThing, thing, tb.name)
}

// Close implements thingstate.Table.
func (*Table) Close() error { return nil }

// A Take succeeds where no lease runs, and as the repetition of itself: of a lease
// that it began and nobody ended. u <= :until keeps one that was long on its way
// from shortening the lease of the repetition that overtook it.
const (
	takeUpdate = "SET #t = if_not_exists(#t, :start) + :one, #n = :by, #u = :until, #v = :format, #x = :expires, " +
		"#p = list_append(if_not_exists(#p, :none), :marks)"
	takeCondition = "(attribute_not_exists(#v) OR #v <= :format) AND (attribute_not_exists(#p) OR size(#p) < :full) AND (" +
		"((attribute_not_exists(#u) OR #u <= :now) AND (attribute_not_exists(#n) OR #n <> :by)) OR (#n = :by AND #u <= :until))"

	putUpdate    = "SET #r = :record, #x = :expires REMOVE #u, #p"
	putCondition = "#n = :by"
)

// Take implements thingstate.Table.
func (tb *Table) Take(ctx context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	start := t.Now.UnixMilli()
	marks := append(binary.BigEndian.AppendUint64(nil, uint64(start)), t.Marks...)
	out, err := tb.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &tb.name, Key: key(thing),
		UpdateExpression: aws.String(takeUpdate), ConditionExpression: aws.String(takeCondition),
		ExpressionAttributeNames: map[string]string{"#t": "t", "#n": "n", "#u": "u", "#v": "v", "#x": ttlExpiry, "#p": "p"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":start": number(start), ":one": number(1), ":by": &types.AttributeValueMemberB{Value: t.By[:]},
			":now": number(start), ":until": number(t.Now.Add(t.Lease).UnixMilli()), ":format": number(thingstate.RecordFormat),
			":expires": expires(t.Now, t.TTL), ":full": number(thingstate.MaxPending),
			":none": &types.AttributeValueMemberL{}, ":marks": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{Value: marks}}},
		},
		ReturnValues:                        types.ReturnValueAllOld,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return tb.refused(thing, t, err)
	}
	return readItem(out.Attributes, t.Now, 1), nil
}

// Put implements thingstate.Table.
func (tb *Table) Put(ctx context.Context, thing string, p thingstate.Put) error {
	_, err := tb.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &tb.name, Key: key(thing),
		UpdateExpression: aws.String(putUpdate), ConditionExpression: aws.String(putCondition),
		ExpressionAttributeNames: map[string]string{"#n": "n", "#r": "r", "#x": ttlExpiry, "#u": "u", "#p": "p"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":by": &types.AttributeValueMemberB{Value: p.By[:]}, ":record": &types.AttributeValueMemberB{Value: p.Record},
			":expires": expires(p.Now, p.TTL),
		},
	})
	if _, ok := conditionFailed(err); ok {
		return thingstate.ErrLeaseLost
	}
	return err
}

func key(thing string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{keyThing: &types.AttributeValueMemberS{Value: thing}}
}

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func expires(now time.Time, ttl time.Duration) types.AttributeValue {
	return number(now.Add(ttl + slack).Unix())
}
