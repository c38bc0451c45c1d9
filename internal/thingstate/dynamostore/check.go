package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/thingstate"
)

// Check implements thingstate.Table. It needs dynamodb:DescribeTable and
// dynamodb:DescribeTimeToLive, and warns of what it may not look at.
func (tb *Table) Check(ctx context.Context) (warnings []string, err error) {
	out, err := tb.api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &tb.name})
	switch {
	case denied(err):
		return []string{"not allowed to look at the DynamoDB table " + tb.name + "; allow dynamodb:DescribeTable to have it checked at start"}, nil
	case isA[*types.ResourceNotFoundException](err):
		return nil, &thingstate.SetupError{
			Fault: fmt.Errorf("there is no DynamoDB table %s in %s", tb.name, tb.region),
			Fix:   "check the name, AWS_REGION and the account, or create it: " + tb.createCommand(),
		}
	case err != nil:
		return nil, fmt.Errorf("DynamoDB table %s: %w", tb.name, err)
	}
	if fault := wrongKey(out.Table); fault != "" {
		return nil, &thingstate.SetupError{
			Fault: fmt.Errorf("the DynamoDB table %s is not one of the worker's: %s", tb.name, fault),
			Fix:   "give WORKER_STATE a table of its own, and create it: " + tb.createCommand(),
		}
	}
	return append(warnings, tb.checkTTL(ctx)...), nil
}

// checkTTL warns if records that have run out would be kept, and paid for, for ever.
func (tb *Table) checkTTL(ctx context.Context) []string {
	out, err := tb.api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &tb.name})
	if err != nil {
		return nil // it may be looked at another time
	}
	if ttl := out.TimeToLiveDescription; ttl != nil && aws.ToString(ttl.AttributeName) == ttlExpiry &&
		(ttl.TimeToLiveStatus == types.TimeToLiveStatusEnabled || ttl.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		return nil
	}
	return []string{"the DynamoDB table " + tb.name + " never forgets an item; let it do so: " + tb.ttlCommand()}
}

func wrongKey(t *types.TableDescription) string {
	if len(t.KeySchema) != 1 || aws.ToString(t.KeySchema[0].AttributeName) != keyThing || t.KeySchema[0].KeyType != types.KeyTypeHash {
		return "its key must be the partition key " + keyThing + " alone"
	}
	for _, a := range t.AttributeDefinitions {
		if aws.ToString(a.AttributeName) == keyThing && a.AttributeType != types.ScalarAttributeTypeS {
			return "its partition key " + keyThing + " must be a string"
		}
	}
	return ""
}

func (tb *Table) createCommand() string {
	return fmt.Sprintf("aws dynamodb create-table --region %[1]s --table-name %[2]s --billing-mode PAY_PER_REQUEST "+
		"--attribute-definitions AttributeName=%[3]s,AttributeType=S --key-schema AttributeName=%[3]s,KeyType=HASH "+
		"&& aws dynamodb wait table-exists --region %[1]s --table-name %[2]s && %[4]s", tb.region, tb.name, keyThing, tb.ttlCommand())
}

func (tb *Table) ttlCommand() string {
	return fmt.Sprintf("aws dynamodb update-time-to-live --region %s --table-name %s --time-to-live-specification Enabled=true,AttributeName=%s", tb.region, tb.name, ttlExpiry)
}

// Create creates the table as the command that Check names does, but for its TTL, and
// waits until it can be used: for tests and stand-ins, whose tables do not live long.
func (tb *Table) Create(ctx context.Context) error {
	_, err := tb.api.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &tb.name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String(keyThing), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String(keyThing), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		return err
	}
	exists := dynamodb.NewTableExistsWaiter(tb.api, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second })
	return exists.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &tb.name}, time.Minute)
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "AccessDeniedException"
}
