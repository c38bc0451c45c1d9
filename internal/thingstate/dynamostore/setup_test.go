package dynamostore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/dynamostore"
)

// dynamo is moto's DynamoDB, spoken to directly.
func dynamo(t *testing.T) (aws.Config, *dynamodb.Client) {
	t.Helper()
	cfg := awsConfig(standin.Moto().ForTest(t))
	return cfg, dynamodb.NewFromConfig(cfg)
}

func TestCheck(t *testing.T) {
	cfg, api := dynamo(t)
	create := func(name, key string, kind types.ScalarAttributeType) {
		t.Helper()
		_, err := api.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &key, AttributeType: kind}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: &key, KeyType: types.KeyTypeHash}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	create("other-key", "id", types.ScalarAttributeTypeS)
	create("other-kind", "thing", types.ScalarAttributeTypeN)
	create("good", "thing", types.ScalarAttributeTypeS)
	for _, c := range []struct{ table, fault string }{
		{"missing", "there is no DynamoDB table missing in eu-west-1"},
		{"other-key", "its key must be the partition key thing alone"},
		{"other-kind", "its partition key thing must be a string"},
	} {
		_, err := dynamostore.New(cfg, dynamostore.Options{Name: c.table}).Check(t.Context())
		setup, ok := errors.AsType[*thingstate.SetupError](err)
		if !ok || !strings.Contains(err.Error(), c.fault) || !strings.Contains(setup.Fix, "aws dynamodb create-table --region eu-west-1 --table-name "+c.table) {
			t.Errorf("%s: %v", c.table, err)
		}
	}

	good := dynamostore.New(cfg, dynamostore.Options{Name: "good"})
	warnings, err := good.Check(t.Context())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "aws dynamodb update-time-to-live") {
		t.Errorf("without a TTL: %v, %q", err, warnings)
	}
	_, err = api.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName:               aws.String("good"),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := good.Check(t.Context()); err != nil || len(warnings) > 0 {
		t.Errorf("with a TTL: %v, %q", err, warnings)
	}
}

func TestATableThatIsDownIsNoFaultOfTheSetup(t *testing.T) {
	proxy := standin.NewProxy(t, standin.Moto().ForTest(t))
	proxy.Down(true)
	table := dynamostore.New(awsConfig(proxy.URL), dynamostore.Options{Name: "things"})
	_, err := table.Check(t.Context())
	if _, setup := errors.AsType[*thingstate.SetupError](err); err == nil || setup {
		t.Errorf("Check: %v", err)
	}
	_, _, err = thingstate.NewShared(table, thingstate.SharedOptions{}).Acquire(t.Context(), "lamp", time.Minute, nil)
	for _, part := range []string{"dynamodb://things", "acquire of thing lamp"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("Acquire: %v, want it to name %s", err, part)
		}
	}
}

// A server that takes the request and says nothing.
func TestAnOperationEndsInTime(t *testing.T) {
	silent := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	table := dynamostore.New(awsConfig("http://127.0.0.1:1"), dynamostore.Options{Name: "things", HTTP: silent})
	store := thingstate.NewShared(table, thingstate.SharedOptions{Timeout: 50 * time.Millisecond})
	began := time.Now()
	_, _, err := store.Acquire(t.Context(), "lamp", time.Minute, nil)
	if err == nil || time.Since(began) > 5*time.Second || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// A request that is never answered leaves time for another.
func TestATryWithoutAnAnswerIsRepeated(t *testing.T) {
	cfg := awsConfig(standin.Dynalite().ForTest(t))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	var updates atomic.Int32
	patient := roundTrip(func(r *http.Request) (*http.Response, error) {
		answer, err := transport.RoundTrip(r)
		if err == nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") && updates.Add(1) == 1 {
			answer.Body.Close()
			return nil, headerTimeout{} // as net/http's, for its ResponseHeaderTimeout
		}
		return answer, err
	})
	table := dynamostore.New(cfg, dynamostore.Options{Name: "things", HTTP: patient})
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := thingstate.NewShared(table, thingstate.SharedOptions{})
	r, l, err := store.Acquire(t.Context(), "lamp", time.Minute, []thingstate.Intent{{Member: "Name", Order: &message.Order{}}})
	if err != nil || len(r.Marks) > 0 || updates.Load() != 2 {
		t.Fatalf("%v after %d tries, marks %v", err, updates.Load(), r.Marks)
	}
	if err := store.Finish(t.Context(), l, thingstate.Result{}); err != nil {
		t.Error(err)
	}
}

type headerTimeout struct{}

func (headerTimeout) Error() string   { return "net/http: timeout awaiting response headers" }
func (headerTimeout) Timeout() bool   { return true }
func (headerTimeout) Temporary() bool { return true }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

// What a newer worker wrote is not touched, and said to be that.
func TestAnItemOfANewerFormatStaysAsItIs(t *testing.T) {
	cfg, api := dynamo(t)
	table := dynamostore.New(cfg, dynamostore.Options{Name: "things"})
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := thingstate.NewShared(table, thingstate.SharedOptions{})
	key := map[string]types.AttributeValue{"thing": &types.AttributeValueMemberS{Value: "lamp"}}
	const newer = thingstate.ItemFormat + 1
	item := map[string]types.AttributeValue{
		"thing": key["thing"], "v": &types.AttributeValueMemberN{Value: strconv.Itoa(newer)}, "t": &types.AttributeValueMemberN{Value: "7"},
		"n": &types.AttributeValueMemberB{Value: []byte("12345678")}, "w": &types.AttributeValueMemberN{Value: "3"}, "r": &types.AttributeValueMemberB{Value: []byte("\x02new")},
	}
	put := func() {
		t.Helper()
		if _, err := api.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("things"), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	intents := []thingstate.Intent{{Member: "Name", Order: &message.Order{}}}
	expect := func(format int, changed bool, parts ...string) {
		t.Helper()
		_, _, err := store.Acquire(t.Context(), "lamp", time.Minute, intents)
		unreadable, ok := errors.AsType[*thingstate.UnreadableError](err)
		if !ok || unreadable.Format != format {
			t.Fatalf("Acquire: %v", err)
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("no %q in %v", part, err)
			}
		}
		out, err := api.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("things"), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if (len(out.Item) != len(item)) != changed {
			t.Errorf("the item is %v", out.Item)
		}
		record, _ := out.Item["r"].(*types.AttributeValueMemberB)
		if want := item["r"].(*types.AttributeValueMemberB); record == nil || string(record.Value) != string(want.Value) {
			t.Errorf("the record is %v", record)
		}
	}
	put()
	expect(newer, false, "thing lamp", fmt.Sprint("format ", newer), "newer version", `the item with thing = "lamp" of the DynamoDB table things`)

	item["v"] = &types.AttributeValueMemberN{Value: "1"}
	item["r"] = &types.AttributeValueMemberB{Value: []byte("\x01?")}
	put()
	// A lease and marks are written before the record is seen.
	expect(0, true, "thing lamp", "not what a worker writes", "delete the item")
}

// What a worker wrote before an item knew who had finished.
func TestAnItemOfFormat1IsRead(t *testing.T) {
	cfg, api := dynamo(t)
	table := dynamostore.New(cfg, dynamostore.Options{Name: "things"})
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	at := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))
	binaryOf := func(b string) *types.AttributeValueMemberB { return &types.AttributeValueMemberB{Value: []byte(b)} }
	_, err := api.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("things"), Item: map[string]types.AttributeValue{
		"thing": &types.AttributeValueMemberS{Value: "lamp"}, "v": &types.AttributeValueMemberN{Value: "1"},
		"t": &types.AttributeValueMemberN{Value: "7"}, "n": binaryOf("12345678"), "r": binaryOf("record"),
		"p": &types.AttributeValueMemberL{Value: []types.AttributeValue{binaryOf(string(at) + "first"), binaryOf(string(at) + "second")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	take := thingstate.Take{By: thingstate.Holder{1}, Now: now, Lease: time.Minute, Marks: []byte("third"), TTL: time.Hour}
	item, err := table.Take(t.Context(), "lamp", take)
	if err != nil || string(item.Record) != "record" || len(item.Pending) != 2 || item.Token != 8 {
		t.Fatalf("%v: %+v", err, item)
	}
	if first, second := item.Pending[0], item.Pending[1]; string(first.Marks) != "first" || first.Token != 6 || second.Token != 7 || first.At.UnixMilli() != now.UnixMilli() {
		t.Errorf("pending: %+v", item.Pending)
	}
	put := thingstate.Put{By: take.By, Of: take.By, Puts: item.Puts, Finished: item.Finished, Now: now, Record: []byte("new"), TTL: time.Hour}
	if err := table.Put(t.Context(), "lamp", put); err != nil {
		t.Fatal(err)
	}
	take.By = thingstate.Holder{2}
	if item, err = table.Take(t.Context(), "lamp", take); err != nil || string(item.Record) != "new" || len(item.Pending) != 0 {
		t.Errorf("%v: %+v", err, item)
	}
}

// Two writes for each call, and nothing else.
func TestAcquireAndFinishAreOneWriteEach(t *testing.T) {
	cfg := awsConfig(standin.Dynalite().ForTest(t))
	var wire atomic.Pointer[[]string]
	wire.Store(new([]string))
	seen := roundTrip(func(r *http.Request) (*http.Response, error) {
		wire.Store(new(append(*wire.Load(), r.Header.Get("X-Amz-Target"))))
		return http.DefaultClient.Do(r)
	})
	table := dynamostore.New(cfg, dynamostore.Options{Name: "things", HTTP: seen})
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	wire.Store(new([]string))
	store := thingstate.NewShared(table, thingstate.SharedOptions{})
	_, lease, err := store.Acquire(t.Context(), "lamp", time.Minute, []thingstate.Intent{{Member: "Name", Order: &message.Order{}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Finish(t.Context(), lease, thingstate.Result{Keys: []string{"k"}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(*wire.Load(), " "); got != "DynamoDB_20120810.UpdateItem DynamoDB_20120810.UpdateItem" {
		t.Error(got)
	}
}
