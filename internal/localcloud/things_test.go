package localcloud_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/localcloud"
)

func put(t *testing.T, c *localcloud.Cloud, id, body string) answer {
	t.Helper()
	got, err := apiCaller(c).put(t.Context(), id, body)
	if err != nil {
		t.Fatalf("PUT %s: %v", id, err)
	}
	return got
}

func TestAnUpdateKeepsValuesByteForByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		schema := `[{"Format":"AWS","CapabilityId":"matter.OnOff@1.4","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":{"n": 1.0,"big":12345678901234567890,"x":null}}]`
		got := put(t, c, "a:b_c-d", `{"Name":"Hall \u00e9","CapabilitySchemas":`+schema+`,"Owner":null}`)
		want(t, "status", got.status, http.StatusNoContent)
		want(t, "body", got.body, "")
		if got.header.Get("X-Amzn-RequestId") == "" {
			t.Error("no request id")
		}
		put(t, c, "a:b_c-d", `{"MetaData":{"room":"hall"}}`)
		members, ok := c.Things.Get("a:b_c-d")
		want(t, "known", ok, true)
		want(t, "members", len(members), 3)
		want(t, "Name", string(members["Name"]), `"Hall \u00e9"`)
		want(t, "CapabilitySchemas", string(members["CapabilitySchemas"]), schema)
		read, err := apiCaller(c).do(t.Context(), http.MethodGet, "a:b_c-d", "")
		if err != nil || read.status != http.StatusOK || !strings.Contains(read.body, `"MetaData":{"room":"hall"}`) {
			t.Errorf("GET: %+v, %v", read, err)
		}
	})
}

func TestSemantics(t *testing.T) {
	const capability = `{"Format":"AWS","CapabilityId":"matter.OnOff@1.%","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":#}`
	schemaOf := func(version, schema string) string {
		return strings.NewReplacer("%", version, "#", schema).Replace(capability)
	}
	for semantics, metaData := range map[string]string{localcloud.Replace: `{"b":"\u0032"}`, localcloud.Merge: `{"a":"1","b":"\u0032"}`} {
		synctest.Test(t, func(t *testing.T) {
			c := localcloud.New(localcloud.Options{})
			c.Things.Semantics = semantics
			put(t, c, "x", `{"MetaData":{"a":"1","b":"1"},"CapabilitySchemas":[`+schemaOf("4", "1")+`,`+schemaOf("5", "1")+`]}`)
			put(t, c, "x", `{"MetaData":{"b":"\u0032"},"CapabilitySchemas":[`+schemaOf("4", "2")+`]}`)
			members, _ := c.Things.Get("x")
			want(t, "MetaData", string(members["MetaData"]), metaData)
			schemas := `[` + schemaOf("4", "2") + `]`
			if semantics == localcloud.Merge {
				schemas = `[` + schemaOf("5", "1") + `,` + schemaOf("4", "2") + `]`
			}
			want(t, "CapabilitySchemas", string(members["CapabilitySchemas"]), schemas)
		})
	}
}

func TestTheAPIRefusesWhatItsModelDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		long := strings.Repeat("é", 128)
		for body, fault := range map[string]string{
			``:                                     "",
			`{}`:                                   "",
			`{"Name":"` + long + `"}`:              "",
			`{"Name":"` + long + `x"}`:             "length less than or equal to 128",
			`{"Name":""}`:                          "length greater than or equal to 1",
			`{"Name":"a/b"}`:                       "regular expression",
			`{"Name":"a\n"}`:                       "regular expression",
			`{"Name":7}`:                           "a string",
			`{"Nmae":"x"}`:                         "no such member",
			`{"Identifier":"x"}`:                   "belongs in the path",
			`{"Name":"a","Name":"b"}`:              "not a JSON object",
			`[]`:                                   "not a JSON object",
			`{"HubNetworkMode":"standard"}`:        "enum value set",
			`{"MetaData":{}}`:                      "length greater than or equal to 1",
			`{"MetaData":{"a":null}}`:              "a string",
			`{"MetaData":{"":"x"}}`:                "MetaData (key)",
			`{"CapabilityReport":{"version":"1"}}`: "CapabilityReport.endpoints",
			`{"WiFiSimpleSetupConfiguration":{"TimeoutInMinutes":16}}`:               "less than or equal to 15",
			`{"WiFiSimpleSetupConfiguration":{"TimeoutInMinutes":5.5}}`:              "an integer",
			`{"WiFiSimpleSetupConfiguration":{"EnableAsProvisioner":"yes"}}`:         "a boolean",
			`{"CapabilitySchemas":[{"Format":"AWS","CapabilityId":"matter.OnOff"}]}`: "CapabilitySchemas.1.member.CapabilityId",
		} {
			got := put(t, c, "x", body)
			if fault == "" {
				if got.status != http.StatusNoContent {
					t.Errorf("%s: %+v", body, got)
				}
				continue
			}
			if got.status != http.StatusBadRequest || got.header.Get("X-Amzn-ErrorType") != "ValidationException" || !strings.Contains(got.body, fault) {
				t.Errorf("%s: %d %s, want %q", body, got.status, got.body, fault)
			}
		}
		want(t, "an identifier with a space", put(t, c, "x y", "{}").status, http.StatusBadRequest)
	})
}

func TestThingsThatDoNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		c.Things.Remove("x")
		got := put(t, c, "x", `{"Name":"a"}`)
		want(t, "status", got.status, http.StatusNotFound)
		want(t, "code", got.header.Get("X-Amzn-ErrorType"), "ResourceNotFoundException")
		want(t, "body", got.body, `{"Message":"Managed thing x does not exist","ResourceId":"x","ResourceType":"ManagedThing"}`)
		c.Things.Create("x", map[string]json.RawMessage{"Name": json.RawMessage(`"old"`)})
		want(t, "status", put(t, c, "x", `{"Brand":"b"}`).status, http.StatusNoContent)
		members, _ := c.Things.Get("x")
		want(t, "members", len(members), 2)
		c.Things.AutoCreate = false
		want(t, "status", put(t, c, "y", `{}`).status, http.StatusNotFound)
	})
}

func TestTheQuotaIsATokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{Quota: 10, Burst: 3})
		passed := func(n int) (n204 int) {
			for range n {
				switch got := put(t, c, "x", "{}"); {
				case got.status == http.StatusNoContent:
					n204++
				case got.status != http.StatusTooManyRequests || got.header.Get("X-Amzn-ErrorType") != "ThrottlingException":
					t.Errorf("throttled: %+v", got)
				}
			}
			return n204
		}
		want(t, "at once", passed(5), 3)
		time.Sleep(100 * time.Millisecond)
		want(t, "after 100ms", passed(2), 1)
		time.Sleep(time.Hour)
		want(t, "after an hour", passed(5), 3)
		c.Things.SetQuota(0, 0)
		want(t, "without quota", passed(50), 50)
		want(t, "counted", c.Things.Counts()["ThrottlingException"], 5)
	})
}

func TestTheAPIChecksSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		good := apiCaller(c)
		with := func(change func(*caller)) caller {
			other := good
			change(&other)
			return other
		}
		for name, tt := range map[string]struct {
			caller caller
			code   string
		}{
			"good":       {good, ""},
			"with token": {with(func(c *caller) { c.creds.SessionToken = "fresh" }), ""},
			"key":        {with(func(c *caller) { c.creds.AccessKeyID = "other" }), "UnrecognizedClientException"},
			"secret":     {with(func(c *caller) { c.creds.SecretAccessKey = "other" }), "InvalidSignatureException"},
			"region":     {with(func(c *caller) { c.region = "us-east-1" }), "InvalidSignatureException"},
			"old":        {with(func(c *caller) { c.at = time.Now().Add(-6 * time.Minute) }), "InvalidSignatureException"},
			"early":      {with(func(c *caller) { c.at = time.Now().Add(6 * time.Minute) }), "InvalidSignatureException"},
			"a bit old":  {with(func(c *caller) { c.at = time.Now().Add(-4 * time.Minute) }), ""},
			"expired":    {with(func(c *caller) { c.creds.SessionToken = localcloud.ExpiredSessionToken }), "ExpiredTokenException"},
		} {
			got, err := tt.caller.put(t.Context(), "a:b", `{}`)
			if err != nil || got.header.Get("X-Amzn-ErrorType") != tt.code || tt.code != "" && got.status != http.StatusForbidden {
				t.Errorf("%s: %+v, %v, want %q", name, got, err, tt.code)
			}
		}
		unsigned, err := http.NewRequest(http.MethodPut, localURL+"/managed-things/x", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Transport().RoundTrip(unsigned)
		if err != nil || resp.Header.Get("X-Amzn-ErrorType") != "MissingAuthenticationTokenException" {
			t.Errorf("unsigned: %+v, %v", resp, err)
		}
	})
}

func TestFaultsOfTheAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{})
		var next atomic.Pointer[localcloud.Fault]
		c.Faults.OnCall = func(localcloud.CallInfo) *localcloud.Fault { return next.Load() }
		name := func() string {
			members, _ := c.Things.Get("x")
			return string(members["Name"])
		}
		call := func(f *localcloud.Fault, value string, limit time.Duration) (answer, error) {
			next.Store(f)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			return apiCaller(c).put(ctx, "x", `{"Name":"`+value+`"}`)
		}
		got, err := call(&localcloud.Fault{Status: 429, Body: "<html>", ContentType: "text/html", RetryAfter: "3"}, "a", time.Minute)
		if err != nil || got.status != 429 || got.body != "<html>" || got.header.Get("Retry-After") != "3" || got.header.Get("X-Amzn-ErrorType") != "" {
			t.Errorf("gateway: %+v, %v", got, err)
		}
		if got, err := call(&localcloud.Fault{BreakBefore: true}, "b", time.Minute); err == nil {
			t.Errorf("broken before: %+v", got)
		}
		want(t, "Name", name(), "")
		if got, err := call(&localcloud.Fault{BreakAfter: true}, "c", time.Minute); err == nil {
			t.Errorf("broken after: %+v", got)
		}
		want(t, "Name", name(), `"c"`)
		got, err = call(&localcloud.Fault{BreakAfter: true, Status: 500, Code: "InternalServerException"}, "d", time.Minute)
		if err != nil || got.header.Get("X-Amzn-ErrorType") != "InternalServerException" {
			t.Errorf("applied and reported as failed: %+v, %v", got, err)
		}
		want(t, "Name", name(), `"d"`)

		if _, err := call(&localcloud.Fault{Delay: time.Hour, ApplyLate: 30 * time.Second}, "late", 10*time.Second); err == nil {
			t.Error("a call that hangs should time out")
		}
		if got, err := call(&localcloud.Fault{}, "newer", time.Minute); err != nil || got.status != 204 {
			t.Errorf("next call: %+v, %v", got, err)
		}
		want(t, "Name", name(), `"newer"`)
		time.Sleep(time.Minute)
		want(t, "Name", name(), `"late"`)

		hold := make(chan struct{})
		time.AfterFunc(5*time.Second, func() { close(hold) })
		began := time.Now()
		if _, err := call(&localcloud.Fault{Hold: hold}, "held", time.Minute); err != nil {
			t.Error(err)
		}
		want(t, "held for", time.Since(began), 5*time.Second)

		var order []string
		for _, call := range c.Things.Calls() {
			if call.Applied {
				order = append(order, call.Body[9:len(call.Body)-2])
			}
			if call.End.IsZero() {
				t.Errorf("a call did not end: %+v", call)
			}
		}
		want(t, "applied, in order of arrival", strings.Join(order, " "), "c d late newer held")
	})
}

func TestRandomFaultsDependOnTheSeedAlone(t *testing.T) {
	run := func(t *testing.T, seed uint64, things []string) (fates map[string]string) {
		c := localcloud.New(localcloud.Options{Seed: seed})
		c.Faults.SetRates(localcloud.Rates{API: localcloud.APIRates{Unavailable: .1, Throttle: .1, Timeout: .1, HTML429: .1, Conflict: .1, Broken: .1}})
		fates = map[string]string{}
		for _, id := range things {
			for range 20 {
				got, err := apiCaller(c).put(t.Context(), id, "{}")
				fate := "broken"
				if err == nil {
					fate = http.StatusText(got.status)
				}
				fates[id] += fate + ","
			}
		}
		for _, code := range []string{"204", "broken", "ServiceUnavailableException", "ThrottlingException", "429", "ConflictException"} {
			if c.Things.Counts()[code] == 0 {
				t.Errorf("no %s in %v", code, c.Things.Counts())
			}
		}
		return fates
	}
	synctest.Test(t, func(t *testing.T) {
		one := run(t, 1, []string{"x", "y", "z"})
		two := run(t, 1, []string{"z", "x", "y"})
		for _, id := range []string{"x", "y", "z"} {
			want(t, id, two[id], one[id])
		}
		if run(t, 2, []string{"x", "y", "z"})["x"] == one["x"] {
			t.Error("another seed should have other faults")
		}
	})
}

func TestLatencyHasTheEffectInItsMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := localcloud.New(localcloud.Options{Latency: 10 * time.Second})
		for limit, applied := range map[time.Duration]bool{3 * time.Second: false, 7 * time.Second: true} {
			id := limit.String()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			_, err := apiCaller(c).put(ctx, id, "{}")
			cancel()
			if err == nil {
				t.Error("the call should time out")
			}
			synctest.Wait()
			_, got := c.Things.Get(id)
			want(t, "applied after "+id, got, applied)
		}
		if len(c.Things.IDs()) != 1 {
			t.Errorf("things = %v", c.Things.IDs())
		}
	})
}
