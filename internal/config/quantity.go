package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads Go's own notation ("90s", "1h30m", "200ms"), with days in
// front where wanted ("28d", "1d12h"), and a bare 0. Negative durations are refused.
func ParseDuration(text string) (time.Duration, error) {
	if strings.ContainsAny(text, "+-") {
		return 0, errors.New("it has a sign; write it without")
	}
	if isNumber(text) && text != "0" {
		return 0, errors.New("a unit is missing: ms, s, m, h or d")
	}
	var days time.Duration
	rest := text
	if front, after, ok := strings.Cut(text, "d"); ok {
		// A day is 24 hours: no time zone, no daylight saving.
		h, err := time.ParseDuration(front + "h")
		if err != nil || !isNumber(front) || h > math.MaxInt64/24 {
			return 0, errNoDuration
		}
		days, rest = h*24, after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d > math.MaxInt64-days {
		return 0, errNoDuration
	}
	return days + d, nil
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789.") == "" }

var errNoDuration = errors.New("write it as 200ms, 90s, 1h30m or 28d")

// FormatDuration writes d as ParseDuration reads it, whole days as days from
// two on.
func FormatDuration(d time.Duration) string {
	if d >= 2*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}

// units of sizes; powers of 1000 and 1024 are told apart.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// ParseSize reads a whole number of bytes, or of a unit ("64MiB", "10 MB").
// Units are taken in either case; MB is 1,000,000 bytes, MiB 1,048,576.
func ParseSize(text string) (int64, error) {
	unit := int64(1)
	for _, u := range units {
		if cut := len(text) - len(u.name); cut > 0 && strings.EqualFold(text[cut:], u.name) {
			text, unit = strings.TrimSpace(text[:cut]), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, errors.New("write it as bytes, 10MB or 64MiB")
	}
	if n > uint64(math.MaxInt64/unit) {
		return 0, errors.New("it is too large")
	}
	return int64(n) * unit, nil
}

// FormatSize writes n as ParseSize reads it, in the largest unit of 1024 that
// divides it.
func FormatSize(n int64) string {
	for _, u := range units[:4] {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
