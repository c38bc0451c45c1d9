package consumer

import (
	"crypto/md5"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// wrong is a message whose checksum is another's.
func wrong() *types.Message {
	return &types.Message{
		MessageId: aws.String("id"), ReceiptHandle: aws.String("handle"), Body: aws.String("a body"),
		MD5OfBody: aws.String("4d5fa9b1c5ba0d7ab1e0a2c5a7a6fd3f"),
	}
}

// The checksums are those that SQS documents and that other SDKs' tests have.
func TestChecksums(t *testing.T) {
	if got := md5.Sum([]byte("This is a test message")); !isHex("fafb00f5732ab283681e124bf8747ed1", got) {
		t.Errorf("body: %x", got)
	}
	if got := attributesMD5(map[string]types.MessageAttributeValue{
		"timestamp": {DataType: aws.String("Number"), StringValue: aws.String("1493147359900")},
	}); !isHex("235c5c510d26fb653d073faed50ae77c", got) {
		t.Errorf("attributes: %x", got)
	}
}

// Where MD5 is not allowed nothing panics, and nothing is taken for damaged.
func TestChecksumsWhereMD5IsNotAllowed(t *testing.T) {
	if os.Getenv("CONSUMER_TEST_FIPS") != "" {
		if what := damage(wrong()); what != "" {
			t.Error(what)
		}
		return
	}
	p := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChecksumsWhereMD5IsNotAllowed$")
	p.Env = append(os.Environ(), "CONSUMER_TEST_FIPS=1", "GODEBUG=fips140=only")
	if out, err := p.CombinedOutput(); err != nil || strings.Contains(string(out), "panic") {
		t.Errorf("%v\n%s", err, out)
	}
	if damage(wrong()) == "" {
		t.Error("a wrong checksum is no damage here")
	}
}
