package message_test

import (
	"testing"

	"managed-thing-updater/internal/message"
)

// The forms of RFC 3339 section 5.6, and what is near to them.
func TestWhichTimesAreTaken(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-20T11:30:00Z":                "2026-11-20T11:30:00Z",
		"2026-11-20t11:30:00z":                "2026-11-20T11:30:00Z",
		"2026-11-20T11:30:00.25Z":             "2026-11-20T11:30:00.25Z",
		"2026-11-20T11:30:00.123456789999z":   "2026-11-20T11:30:00.123456789Z",
		"2026-11-20T11:30:00-00:00":           "2026-11-20T11:30:00Z",
		"2026-11-21T11:29:00+23:59":           "2026-11-20T11:30:00Z",
		"2026-11-19T11:31:00-23:59":           "2026-11-20T11:30:00Z",
		"2026-11-20T11:29:60Z":                "2026-11-20T11:29:59.999999999Z",
		"2026-11-20T11:29:60.5z":              "2026-11-20T11:29:59.999999999Z",
		"2026-11-20T13:29:60.000000+02:00":    "2026-11-20T11:29:59.999999999Z",
		"2026-11-20t13:29:60+02:00":           "2026-11-20T11:29:59.999999999Z",
		"2016-12-31T23:59:60Z":                "2016-12-31T23:59:59.999999999Z",
		"2026-11-20 11:30:00Z":                "",
		"2026-11-20_11:30:00Z":                "",
		"2026-11-20T11:30:61Z":                "",
		"2026-11-20T11:60:00Z":                "",
		"2026-11-20T24:00:00Z":                "",
		"2026-11-20T11:30:60,5Z":              "",
		"2026-11-20T11:30:60.Z":               "",
		"2026-11-20T11:30:00.Z":               "",
		"2026-11-20T11:30:00,5Z":              "",
		"2026-11-20T11:30:00":                 "",
		"2026-11-20T11:30Z":                   "",
		"2026-11-20T1:30:00.0Z":               "",
		"2026-11-20T11:30:00+24:00":           "",
		"2026-11-20T11:30:00-24:00":           "",
		"2026-11-20T11:30:00+23:60":           "",
		"2026-11-20T11:30:00+2359":            "",
		"2026-11-20T11:30:00+01":              "",
		"2026-11-20T11:30:00+1:00":            "",
		"2026-11-20T11:30:00 Z":               "",
		" 2026-11-20T11:30:00Z":               "",
		"2026-11-20T11:30:00Z ":               "",
		"2026-13-20T11:30:00Z":                "",
		"2026-02-29T11:30:00Z":                "",
		"20261120T113000Z":                    "",
		"2026-11-20T11:30:00\u2212" + "01:00": "",
		"２０２６-11-20T11:30:00Z":                "",
	} {
		u, faults := message.Decode(withAttributes(request, map[string]message.Attribute{"OccurredAt": {DataType: "String", StringValue: text}}), message.Options{})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		switch taken := u.TimeFrom == message.TimeFromAttribute; {
		case want == "" && (taken || u.TimeIgnored != message.TimeUnreadable):
			t.Errorf("%q was read as %v", text, u.Order.EventTime)
		case want != "" && (!taken || !u.Order.EventTime.Equal(at(want))):
			t.Errorf("%q: %v from %q, ignored %q, want %s", text, u.Order.EventTime, u.TimeFrom, u.TimeIgnored, want)
		}
	}
}
