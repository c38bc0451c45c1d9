package message

import (
	"math/big"
	"strings"
	"time"
)

// eventTime is an event time as one source gives it. The zero eventTime gives none.
type eventTime struct {
	given    bool
	readable bool // it has the form it must have
	at       time.Time
}

// The decimal places by which epoch times in these units are shifted to come out
// in nanoseconds.
const (
	nanosecondsPerSecond      = 9
	nanosecondsPerMillisecond = 6
)

// timeOf reads an optional member that holds an RFC 3339 time.
func timeOf(o object, member string) eventTime {
	if !present(o, member) {
		return eventTime{}
	}
	text, _ := o.text(member)
	return rfc3339(text)
}

// epochOf reads an optional member that holds an epoch time as a number, exactly
// as it is written: a float64 of today's epoch seconds has lost the nanoseconds.
func epochOf(o object, member string, places int) eventTime {
	if !present(o, member) {
		return eventTime{}
	}
	return epoch(string(o.get(member)), places)
}

// rfc3339 reads a time of RFC 3339 section 5.6, with any number of fraction digits, of
// which nine count. A leap second is the last nanosecond before it: time.Time has none.
func rfc3339(s string) eventTime {
	s = strings.ToUpper(s) // RFC 3339 allows lower case; time.Parse does not
	if len(s) < len("2006-01-02T15:04:05Z") || !offsetFits(s) {
		return eventTime{given: true}
	}
	// time.Parse takes a comma for the point and an hour of one digit, which RFC 3339
	// does not.
	if s[13] != ':' || strings.Contains(s, ",") {
		return eventTime{given: true}
	}
	const seconds = len("2006-01-02T15:04:")
	leap := s[seconds:seconds+2] == "60"
	if leap {
		s = s[:seconds] + "59" + s[seconds+2:]
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return eventTime{given: true}
	}
	if leap {
		at = at.Truncate(time.Second).Add(time.Second - 1)
	}
	return read(at)
}

// offsetFits reports whether a time's offset is at most 23:59, if it has one;
// time.Parse takes 24 hours and 60 minutes.
func offsetFits(s string) bool {
	offset := s[len(s)-len("+07:00"):]
	if offset[0] != '+' && offset[0] != '-' {
		return true // Z, or what time.Parse refuses
	}
	return offset[1:3] <= "23" && offset[4:6] <= "59"
}

// epoch reads an epoch time, written in a unit that is places decimal places
// above a nanosecond; what is finer than that is cut off.
func epoch(s string, places int) eventTime {
	d, ok := parseDecimal(s)
	if !ok {
		return eventTime{given: true}
	}
	total, ok := d.times10(places)
	if !ok {
		return eventTime{given: true}
	}
	seconds, nanoseconds := new(big.Int).DivMod(total, big.NewInt(int64(time.Second)), new(big.Int))
	if !seconds.IsInt64() || seconds.CmpAbs(big.NewInt(1<<40)) > 0 { // far beyond year 9999
		return eventTime{given: true}
	}
	return read(time.Unix(seconds.Int64(), nanoseconds.Int64()))
}

// read is a time that was read, unreadable after all where RFC 3339 cannot write
// its year: it could not come back on a letter.
func read(at time.Time) eventTime {
	at = at.UTC()
	year := at.Year()
	return eventTime{given: true, readable: 0 <= year && year <= 9999, at: at}
}
