// Package awscredentials waits for credentials that are not there yet: the agent of a
// new node may be late, and the metadata service throttles.
package awscredentials

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/retry"
)

const (
	// ForWorker is how long a worker waits at its start.
	ForWorker = 2 * time.Minute
	// ForCommand is how long a command waits: a person waits with it.
	ForCommand = 10 * time.Second

	oneTry = 30 * time.Second // a role may need several requests
)

var policy = retry.Policy{Base: 200 * time.Millisecond, Max: 5 * time.Second}

// Await returns when p has credentials, and tries again until they come or patience is
// over. notYet, which may be nil, is told of each failure that another try follows.
//
// It returns the last failure, or ctx's cause if ctx ended. A failure that NeverComes
// reports is returned at once.
func Await(ctx context.Context, p aws.CredentialsProvider, patience time.Duration, notYet func(error)) (aws.Credentials, error) {
	var found aws.Credentials
	var last error
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := retry.Do(waiting, policy, retry.Options{Notify: func(err error, _ time.Duration) {
		if notYet != nil {
			notYet(err)
		}
	}}, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, oneTry)
		defer cancel()
		found, err = p.Retrieve(ctx)
		if NeverComes(err) {
			err = retry.Permanent(err)
		}
		if err != nil && (last == nil || waiting.Err() == nil) {
			last = err // a try that patience cut short says nothing
		}
		return err
	})
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return found, context.Cause(ctx)
	case NeverComes(err) || last == nil:
		return found, err
	}
	return found, fmt.Errorf("none came in %s: %w", patience, last)
}

// NeverComes reports whether a person must act before there are credentials: keys that
// are empty, a login of IAM Identity Center that is over, or no source but a metadata
// service that is switched off.
func NeverComes(err error) bool {
	if _, empty := errors.AsType[*credentials.StaticCredentialsEmptyError](err); empty {
		return true
	}
	if _, over := errors.AsType[*ssocreds.InvalidTokenError](err); over {
		return true
	}
	return awserror.Of(err).Who == "ec2imds" && strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true")
}
