package message_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"managed-thing-updater/internal/message"
)

func TestTextThatIsNotStrictJSON(t *testing.T) {
	cases := []struct{ name, body, pointer, rule, detail string }{
		{"empty", "", "", "valid JSON", "the text is empty"},
		{"white space", " \n", "", "valid JSON", "the text is empty"},
		{"text", "hello", "", "valid JSON", "line 1, column 1 (byte 0), nor the base64"},
		{"a byte order mark", "\ufeff" + request, "", "valid JSON", "byte order mark"},
		{"invalid UTF-8", `{"Identifier":"a","Name":"` + "\xff" + `"}`, "", "valid UTF-8", "column 27 (byte 26)"},
		{"half a surrogate pair", `{"Identifier":"a","Name":"\ud800"}`, "/Name", "valid JSON", "surrogate pair"},
		{"the second half of a surrogate pair", `{"Identifier":"a","Name":"\udc00\ud800"}`, "/Name", "valid JSON", "surrogate pair"},
		{"half a surrogate pair in a name", `{"Identifier":"a","\ud800":"b"}`, "*", "valid JSON", "surrogate pair"},
		{"half a surrogate pair in bytes", `{"Identifier":"a","Name":"` + "\xed\xa0\x80" + `"}`, "", "valid UTF-8", "byte 26"},
		{"an escape JSON does not have", `{"Identifier":"a","Name":"\x41"}`, "/Name", "valid JSON", "escape"},
		{"a control character", "{\"Identifier\":\"a\",\n\"Name\":\"\t\"}", "/Name", "valid JSON", "line 2, column"},
		{"cut off", `{"Identifier":"a","Name":"Hall`, "/Name", "valid JSON", "ends in the middle"},
		{"cut off after a member", `{"Identifier":"a"`, "", "valid JSON", "ends in the middle"},
		{"a comma too many", `{"Identifier":"a",}`, "", "valid JSON", "not JSON at"},
		{"a comma missing", `{"Identifier":"a" "Name":"b"}`, "", "valid JSON", "expected ',' or '}'"},
		{"single quotes", `{'Identifier':'a'}`, "", "valid JSON", "column 2"},
		{"NaN", `{"Identifier":"a","WiFiSimpleSetupConfiguration":{"TimeoutInMinutes":NaN}}`, "/WiFiSimpleSetupConfiguration/TimeoutInMinutes", "valid JSON", "not JSON at"},
		{"more behind", request + ` x`, "", "nothing after the JSON value", fmt.Sprintf("byte %d)", len(request)+1)},
		{"two objects", request + request, "", "nothing after the JSON value", "more text"},
		{"an array", `[` + request + `]`, "", "a JSON object", "got an array"},
		{"null", `null`, "", "a JSON object", "got null"},
		{"digits, which are base64 too", `12345678`, "", "a JSON object", "got a number"},
		{"too deep", `{"Identifier":"a","CapabilitySchemas":[` + capabilitySchema(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)) + `]}`, "*", "at most 10000 values deep", "nested deeper"},
		{"a member twice", `{"Identifier":"a","Name":"b","Name":"b"}`, "/Name", "each member once", "more than once"},
		{"a member twice, once escaped", `{"Identifier":"a","Name":"b","N\u0061me":"b"}`, "/Name", "each member once", "more than once"},
		{"Identifier twice", `{"Identifier":"a","Identifier":"a"}`, "/Identifier", "each member once", "more than once"},
		{"a member twice, deep down", `{"Identifier":"a","CapabilitySchemas":[` + capabilitySchema(`{"a/b":[{},{"~":1,"~":2}]}`) + `]}`, "/CapabilitySchemas/0/Schema/a~1b/1/~0", "each member once", "more than once"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, faults := decode(c.body)
			if len(faults) != 1 {
				t.Fatalf("%d faults: %v", len(faults), faults)
			}
			f := faults[0]
			if f.Pointer != c.pointer && c.pointer != "*" || f.Rule != c.rule || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A required member that stands twice does not stand for one that is missing.
func TestAMemberTwiceHidesNoMissingOne(t *testing.T) {
	schema := strings.Replace(capabilitySchema(`{}`), `"ExtrinsicId":"0x0006"`, `"Format":"ZCL"`, 1)
	_, faults := decode(`{"Identifier":"a","CapabilitySchemas":[` + schema + `]}`)
	want := []string{"/CapabilitySchemas/0/ExtrinsicId", "/CapabilitySchemas/0/Format"}
	var got []string
	for _, f := range faults {
		got = append(got, f.Pointer)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("faults at %v, want %v", got, want)
	}
}

func TestAllFaultsAreReportedAtOnceSortedByPointer(t *testing.T) {
	_, faults := decode(`{"Name":"a,b","name":"x","HubNetworkMode":"standard","Owner":7,"MetaData":{"room":null,"":"x"},"Identifier":null,
		"WiFiSimpleSetupConfiguration":{"TimeoutInMinutes":4,"TimeOutInMinutes":5},"Brand":"","Brand":""}`)
	var got []string
	for _, f := range faults {
		got = append(got, f.Pointer+": "+f.Rule+": "+f.Detail)
	}
	want := []string{
		`/Brand: each member once: this member stands in its object more than once`,
		`/Brand: length 1 to 128: a string of length 0`,
		`/Brand: pattern ^[A-Za-z0-9_ -]+$: a string of length 0`,
		`/HubNetworkMode: one of STANDARD, NETWORK_WIDE_EXCLUSION: "standard", of length 8`,
		`/Identifier: required member: missing`,
		`/MetaData/: key of pattern ^[^\n\r\u2028\u2029]*[a-zA-Z0-9_.,@/:#-][^\n\r\u2028\u2029]*$: the key: "", of length 0`,
		`/MetaData/room: no null: null where a string belongs; leave the member out (null means absent only at the top level)`,
		`/Name: pattern ^[\p{L}\p{N} ._-]+$: "a,b", of length 3`,
		`/Owner: a string: got a number`,
		`/WiFiSimpleSetupConfiguration/TimeOutInMinutes: unknown member: there is no member "TimeOutInMinutes" here; did you mean "TimeoutInMinutes"?`,
		`/WiFiSimpleSetupConfiguration/TimeoutInMinutes: 5 to 15: got 4`,
		`/name: unknown member: there is no member "name" here; did you mean "Name"?`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUnknownMembersGetTheNearestNameOrNone(t *testing.T) {
	for name, hint := range map[string]string{
		"identifier": "Identifier", "Nmae": "Name", "Metadata": "MetaData", "Serial_Number": "SerialNumber", "CapabilitesReport": "CapabilityReport",
		"Nam": "Name", "Names": "Name", "Modle": "Model", "Identifer": "Identifier", "Ownr": "Owner", "SerialNumbr": "SerialNumber",
		"Time": "", "Type": "", "Date": "", "Code": "", "Mode": "Model", "Status": "", "Message": "", "Service": "", "Colour": "", "x": "", "": "", "Temperature": "", strings.Repeat("Name", 40): "",
	} {
		_, faults := decode(`{"Identifier":"a",` + quoted(name) + `:"secret"}`)
		if len(faults) != 1 {
			t.Fatalf("%q: %v", name, faults)
		}
		_, got, _ := strings.Cut(faults[0].Detail, "did you mean ")
		if got = strings.Trim(got, `"?`); got != hint {
			t.Errorf("%q: hint %q, want %q", name, got, hint)
		}
		if strings.Contains(faults[0].Detail, "secret") || len(faults[0].Detail) > 200 || len(faults[0].Pointer) > 270 {
			t.Errorf("%q: %v", name, faults[0])
		}
	}
}

func TestNoMoreThan50FaultsAreToldApart(t *testing.T) {
	for name, body := range map[string]string{
		"unknown members": `{"Identifier":"a",` + manyMembers(120) + `}`,
		"duplicates":      `{"Identifier":"a","CapabilitySchemas":[` + capabilitySchema(`{"x":1`+strings.Repeat(`,"x":1`, 120)+`}`) + `]}`,
		"values":          `{"Identifier":"a","MetaData":{` + strings.ReplaceAll(manyMembers(120), ":0", ":null") + `}}`,
	} {
		_, faults := decode(body)
		if len(faults) != message.MaxFaults+1 {
			t.Fatalf("%s: %d faults", name, len(faults))
		}
		if last := faults[message.MaxFaults]; !strings.HasPrefix(last.Detail, "and 7") || !strings.HasSuffix(last.Detail, "more faults, not listed") {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

func TestDuplicatesAreReportedInTheDocumentTheyStandIn(t *testing.T) {
	request := `{"Identifier":"a","MetaData":{"k":"v","k":"w"},"Nmae":""}`
	for body, in := range map[string]string{
		inEventBridge(request):               "eventbridge",
		inSNS(inCloudEvent(request)):         "sns > cloudevents",
		inCloudEvent(inEventBridge(request)): "cloudevents > eventbridge",
	} {
		_, faults := decode(body)
		if len(faults) != 2 || faults[0].Pointer != "/MetaData/k" || faults[0].In != in || faults[1].Pointer != "/Nmae" || faults[1].In != in {
			t.Errorf("%s: %+v", body, faults)
		}
	}
	_, faults := decode(strings.Replace(inEventBridge(request), `"id":"eb-1"`, `"id":"eb-1","id":"eb-2"`, 1))
	if len(faults) != 3 || faults[0].Pointer != "/id" || faults[0].In != "" {
		t.Errorf("%+v", faults)
	}
}

func TestNoFaultHoldsASensitiveValue(t *testing.T) {
	const secret = "Zqx9!Wvut"
	for _, member := range []string{"Owner", "SerialNumber", "Brand", "Model", "Classification"} {
		for _, value := range []string{
			quoted(secret), quoted(strings.Repeat(secret, 20)), `{"` + secret + `":1}`, `{"` + secret + `":1,"` + secret + `":2}`,
			`["` + secret + `"]`, `[{"` + secret + `":1,"` + secret + `":2}]`, `"` + secret + `\x"`, `"` + secret + "\xff\"", `"` + secret, `{"` + secret + `":}`,
			`{"a":{"` + secret + `":[tru]}}`, `"` + secret + "\t\"",
		} {
			request := `{"Identifier":"a","` + member + `":` + value + `,"Nope":1}`
			for _, body := range []string{request, inSNS(request), inEventBridge(request), inEventBridge(inCloudEvent(request)), inBase64(request), inBase64(request) + "!"} {
				_, faults := decode(body)
				if len(faults) == 0 {
					t.Fatalf("%s: no fault", body)
				}
				if said := fmt.Sprint(faults); strings.Contains(said, "Zqx") || strings.Contains(said, "Wvut") {
					t.Errorf("%s: %s", body, said)
				}
			}
		}
	}
}

func TestNullIsAbsentAtTheTopLevelOnly(t *testing.T) {
	u, faults := decode(`{"Identifier":"a","Name":null,"MetaData":null,"CapabilityReport":null,"CapabilitySchemas":[` + capabilitySchema(`{"default":null,"enum":[null]}`) + `]}`)
	if len(faults) > 0 || len(u.Members) != 1 || u.Members[0].Name != "CapabilitySchemas" {
		t.Errorf("%+v %v", u.Members, faults)
	}
	if u, faults = decode(`{"Identifier":"a"}`); len(faults) > 0 || u.Thing != "a" || len(u.Members) != 0 {
		t.Errorf("nothing to set is valid: %+v %v", u, faults)
	}
}

func TestValuesAreKeptByteForByteInTheirOrder(t *testing.T) {
	document := "{ \"n\" : [1.0,12345678901234567890, 1E400,-0] ,\r\n\t\"s\":\"\\u0041\\/\" }"
	schemas := "[ " + capabilitySchema(document) + " ]"
	body := `{"Name" : "\u0048all" ,"CapabilitySchemas":` + schemas + ` , "Identifier":"\u0061","WiFiSimpleSetupConfiguration":{"TimeoutInMinutes":5.0 }}`
	for _, wrapped := range []string{body, inSNS(body), inKinesis(body), inEventBridge(body), inCloudEventText(body), inBase64(body)} {
		u, faults := decode(wrapped)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		want := []string{"Name", `"\u0048all"`, "CapabilitySchemas", schemas, "WiFiSimpleSetupConfiguration", `{"TimeoutInMinutes":5.0 }`}
		var got []string
		for _, m := range u.Members {
			got = append(got, m.Name, string(m.Value))
		}
		if u.Thing != "a" || !slices.Equal(got, want) {
			t.Errorf("%q: %q", u.Thing, got)
		}
		if u.Size() != len(assembled(u))-len(`"Identifier":"a",`) {
			t.Errorf("Size() = %d", u.Size())
		}
	}
}

// assembled is a request with the members of u, as whoever reads it would send it.
func assembled(u message.Update) string {
	var text strings.Builder
	text.WriteString(`{"Identifier":` + quoted(u.Thing))
	for _, m := range u.Members {
		text.WriteString("," + quoted(m.Name) + ":" + string(m.Value))
	}
	return text.String() + "}"
}
