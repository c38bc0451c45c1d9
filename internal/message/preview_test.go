package message_test

import (
	"strings"
	"testing"

	"managed-thing-updater/internal/message"
)

func TestAPreviewShowsNoSensitiveValue(t *testing.T) {
	const secret = "s3cret"
	request := `{"Identifier":"lamp","Name":"Hall","Owner":"s3cret","SerialNumber":"s3cret","serialnumber":"s3cret","Brand":["s3cret"],` +
		`"Model":{"a":"s3cret"},"Classification":null,"Ownr":{"x":["s3cret"]},"MetaData":{"OWNER":"s3cret","room":"hall","Owner":1.0}}`
	twice := `{"Identifier":"lamp","Owner":"s3cret","Owner":"s3cret"}`
	for name, body := range map[string]string{
		"plain": request, "base64": inBase64(request), "sns": inSNS(request), "kinesis in sns": inSNS(inKinesis(request)),
		"eventbridge": inEventBridge(request), "a member twice": twice, "a member twice, wrapped": inSNS(twice),
		"an envelope with more in it": `{"Owner":"s3cret",` + inEventBridge(request)[1:],
		"an envelope that is unknown": `{"Records":[{"body":"s3cret"}]}`,
	} {
		p := message.PreviewOf(body)
		text, ok := p.Request(false)
		if !ok || strings.Contains(text, secret) {
			t.Errorf("%s: %v\n%s", name, ok, text)
		}
		if open, ok := p.Request(true); !ok || !strings.Contains(open, secret) {
			t.Errorf("%s, everything asked for: %v\n%s", name, ok, open)
		}
		if !strings.Contains(name, "unknown") && p.Thing != "lamp" {
			t.Errorf("%s: thing %q", name, p.Thing)
		}
	}
}

func TestAPreviewKeepsTheRestAsItIsWritten(t *testing.T) {
	text, _ := message.PreviewOf(`{"Identifier":"lamp","Owner":"Bob","CapabilityReport":{"version":1.0,"n":12345678901234567890},"Name":"a\u0041"}`).Request(false)
	want := `{
  "Identifier": "lamp",
  "Owner": "(hidden: a string of length 3)",
  "CapabilityReport": {
    "version": 1.0,
    "n": 12345678901234567890
  },
  "Name": "a\u0041"
}`
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestABodyThatCannotBeReadIsNotShown(t *testing.T) {
	for _, body := range []string{
		`{"Identifier":"lamp","Owner":"s3cret"`, `Owner: s3cret`, `[{"Owner":"s3cret"}]`, `"s3cret"`, ``, inSNS(`{"Owner":"s3cret`),
		inSNS(inKinesis(inSNS(inEventBridge(inSNS(request))))),
	} {
		p := message.PreviewOf(body)
		for _, sensitive := range []bool{false, true} {
			if text, ok := p.Request(sensitive); ok || text != "" {
				t.Errorf("%q: %q", body, text)
			}
		}
	}
}
