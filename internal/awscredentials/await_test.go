package awscredentials_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/awscredentials"
)

// source gives what f does, at a time after its begin.
func source(f func(since time.Duration) error) aws.CredentialsProvider {
	began := time.Now()
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "key"}, f(time.Since(began))
	})
}

func TestAwait(t *testing.T) {
	late := errors.New("connection refused")
	noRole := &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: errors.New("switched off")}
	for name, c := range map[string]struct {
		comes    time.Duration // below 0: never
		fails    error
		disabled string // AWS_EC2_METADATA_DISABLED
		least    time.Duration
		most     time.Duration
		err      error
	}{
		"there":                            {0, nil, "", 0, 0, nil},
		"a minute late":                    {time.Minute, late, "", time.Minute, 66 * time.Second, nil},
		"never":                            {-1, late, "", 2 * time.Minute, 2 * time.Minute, late},
		"empty keys":                       {-1, fmt.Errorf("x: %w", &credentials.StaticCredentialsEmptyError{}), "", 0, 0, &credentials.StaticCredentialsEmptyError{}},
		"a metadata service, switched off": {-1, noRole, "true", 0, 0, noRole},
		"a metadata service, throttled":    {20 * time.Second, noRole, "", 20 * time.Second, 26 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_EC2_METADATA_DISABLED", c.disabled)
			synctest.Test(t, func(t *testing.T) {
				p := source(func(since time.Duration) error {
					if c.comes < 0 || since < c.comes {
						return c.fails
					}
					return nil
				})
				began, told := time.Now(), 0
				got, err := awscredentials.Await(t.Context(), p, awscredentials.ForWorker, func(error) { told++ })
				took := time.Since(began)
				if took < c.least || took > c.most || (told > 0) != (c.most > 0) {
					t.Errorf("after %v, told %d times", took, told)
				}
				_, empty := errors.AsType[*credentials.StaticCredentialsEmptyError](c.err)
				_, isEmpty := errors.AsType[*credentials.StaticCredentialsEmptyError](err)
				if empty != isEmpty || !empty && !errors.Is(err, c.err) || err == nil && got.AccessKeyID != "key" {
					t.Errorf("%v, error %v, want %v", got.AccessKeyID, err, c.err)
				}
				if errors.Is(c.err, noRole) != awscredentials.NeverComes(err) && !empty {
					t.Errorf("never comes: %v", awscredentials.NeverComes(err))
				}
			})
		})
	}
}

// A source that hangs is not waited for beyond patience, and the end of the context counts.
func TestAwaitEnds(t *testing.T) {
	hanging := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		<-ctx.Done()
		return aws.Credentials{}, ctx.Err()
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if _, err := awscredentials.Await(t.Context(), hanging, awscredentials.ForCommand, nil); err == nil || time.Since(began) != awscredentials.ForCommand {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		stop := errors.New("SIGTERM")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(stop) })
		began = time.Now()
		if _, err := awscredentials.Await(ctx, hanging, awscredentials.ForWorker, nil); !errors.Is(err, stop) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
