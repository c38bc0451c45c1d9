package message_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/message"
)

// smallBody is a message as most are: 300 bytes, a few members.
const smallBody = `{"Identifier":"3f9b2c1e7a6d4c0f9e8b7a6c5d4e3f2a","Name":"Hall light. Ground floor","Owner":"customer-0001834","Brand":"Lumen","Model":"A19-E26 dimmable","Classification":"light bulb","SerialNumber":"SN-0098-1123-AA","MetaData":{"room":"hall","floor":"0","installedBy":"field-team-7","note":"replaced twice"}}`

func BenchmarkDecode(b *testing.B) {
	wide := `{"Identifier":"a1","CapabilitySchemas":[` + capabilitySchema(`[`+strings.Repeat(`{"k":1.0,"v":"x"},`, 50_000)+`0]`) + `]}`
	deep := `{"Identifier":"a1","CapabilitySchemas":[` + capabilitySchema(strings.Repeat(`[`, 9000)+strings.Repeat(`]`, 9000)) + `]}`
	bodies := []struct{ name, body string }{
		{"300B", smallBody},
		{"20KiB_report", `{"Identifier":"a1","CapabilityReport":` + capabilityReport(5, 10) + `}`},
		{"1MiB_schema_wide", wide},
		{"schema_9000_deep", deep},
		{"300B_in_sns", `{"Type":"Notification","MessageId":"m","Timestamp":"2026-11-01T00:00:00Z","Message":` + quoted(smallBody) + `}`},
		{"1MiB_hostile", `{"MetaData":{` + strings.TrimSuffix(strings.Repeat(`"":0,`, 200_000), ",") + `}}`},
		{"1MiB_unknown", `{` + manyMembers(80_000) + `}`},
	}
	for _, c := range bodies {
		b.Run(c.name, func(b *testing.B) {
			in := message.Incoming{ID: "id", Body: c.body, SentAt: time.Unix(1_790_000_000, 0), Receives: 1}
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				message.Decode(in, message.Options{MaxEventAge: 28 * 24 * time.Hour})
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"Nam%d":0,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func capabilitySchema(document string) string {
	return `{"Format":"ZCL","CapabilityId":"zigbee.OnOff@1.0","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":` + document + `}`
}

func capabilityReport(endpoints, capabilities int) string {
	capability := `{"id":"matter.LevelControl@1.4","name":"Level Control","version":"1","properties":["CurrentLevel","RemainingTime","MinLevel","MaxLevel","CurrentFrequency","OnOffTransitionTime","OnLevel","Options"],"actions":["MoveToLevel","Move","Step","Stop","MoveToLevelWithOnOff"],"events":["Changed"]},`
	endpoint := `{"id":"1","deviceTypes":["Dimmable Light"],"capabilities":[` + strings.TrimSuffix(strings.Repeat(capability, capabilities), ",") + `]},`
	return `{"version":"1.0.0","nodeId":"zb3.00158D0001","endpoints":[` + strings.TrimSuffix(strings.Repeat(endpoint, endpoints), ",") + `]}`
}
