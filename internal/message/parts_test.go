package message_test

import (
	"testing"

	"managed-thing-updater/internal/message"
)

func TestPartsAreWhatTheAPIMayMerge(t *testing.T) {
	one, other := capabilitySchema(`{"n": 1.0}`), `{ "CapabilityId":"aws.Lock@1.1","Schema":0}`
	cases := []struct {
		member, value string
		keys, raw     []string
		joined        string
	}{
		{"MetaData", `{ "b" : "1" ,"\u0061":"\u0032"}`, []string{"b", "a"}, []string{`"1"`, `"\u0032"`}, `{"b":"1","a":"\u0032"}`},
		{"MetaData", `{"\"\\/\u0001é":""}`, []string{"\"\\/\x01é"}, []string{`""`}, `{"\"\\/\u0001é":""}`},
		{"WiFiSimpleSetupConfiguration", `{"TimeoutInMinutes":5.0,"EnableAsProvisioner":true}`, []string{"TimeoutInMinutes", "EnableAsProvisioner"}, []string{"5.0", "true"}, `{"TimeoutInMinutes":5.0,"EnableAsProvisioner":true}`},
		{"WiFiSimpleSetupConfiguration", `{}`, nil, nil, `{}`},
		{"CapabilitySchemas", `[ ` + one + ` , ` + other + `]`, []string{"zigbee.OnOff@1.0", "aws.Lock@1.1"}, []string{one, other}, `[` + one + `,` + other + `]`},
		{"CapabilitySchemas", `[ ]`, nil, nil, `[]`},
		{
			"CapabilitySchemas", `[ ` + one + `,` + other + ` , ` + one + ` ]`,
			[]string{"zigbee.OnOff@1.0", "aws.Lock@1.1"},
			[]string{one + `,` + one, other},
			`[` + one + `,` + one + `,` + other + `]`,
		},
	}
	for _, c := range cases {
		parts, ok := message.Parts(c.member, []byte(c.value))
		if !ok || len(parts) != len(c.keys) {
			t.Fatalf("%s %s: %v %q", c.member, c.value, ok, parts)
		}
		for i, p := range parts {
			if p.Key != c.keys[i] || string(p.Raw) != c.raw[i] {
				t.Errorf("%s: part %d is %q: %s", c.member, i, p.Key, p.Raw)
			}
		}
		if joined := message.Join(c.member, parts); string(joined) != c.joined {
			t.Errorf("%s: joined %s, want %s", c.member, joined, c.joined)
		}
	}
	for _, c := range []struct{ member, value string }{
		{"Name", `"x"`},
		{"CapabilityReport", `{}`},
		{"CapabilitySchemas", `[{}]`},
		{"CapabilitySchemas", `[7]`},
		{"CapabilitySchemas", `{}`},
		{"MetaData", `[]`},
		{"MetaData", `7`},
	} {
		if parts, ok := message.Parts(c.member, []byte(c.value)); ok {
			t.Errorf("%s %s: parts %q", c.member, c.value, parts)
		}
	}
}
