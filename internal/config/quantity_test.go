package config_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/config"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "200ms": 200 * time.Millisecond,
		"28d": 28 * day, "1.5d": 36 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "106751d": 106751 * day,
	} {
		if got, err := config.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "5", "1.5", "-1s", "+1s", "1d-1h", "106752d", "106751d24h", "1e3s", "1 d", "1hd", "1.5h2d", "dd", "NaN", "inf"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestDurationsAreWrittenAsTheyAreRead(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", time.Hour: "1h", 24 * time.Hour: "24h", 48 * time.Hour: "2d",
		90 * time.Minute: "1h30m", 10 * time.Second: "10s", time.Hour + time.Second: "1h0m1s", 35 * 24 * time.Hour: "35d",
	} {
		if got := config.FormatDuration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{1, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
		d := unit * time.Duration(rapid.Int64Range(0, 100_000).Draw(t, "n"))
		if got, err := config.ParseDuration(config.FormatDuration(d)); err != nil || got != d {
			t.Fatalf("%s: %v, %v", config.FormatDuration(d), got, err)
		}
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1048576": 1 << 20, "64MiB": 64 << 20, "64mib": 64 << 20, "10MB": 10_000_000, "10 MB": 10_000_000,
		"1kB": 1000, "1KB": 1000, "1KiB": 1024, "7B": 7, "2GiB": 2 << 30, "1TiB": 1 << 40, "1TB": 1e12,
	} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "MiB", "-1", "+1", "1.5MiB", "64Mi", "0x10", "1_000", "8388608TiB", "9223372036854775808"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<20).Draw(t, "n") << rapid.IntRange(0, 40).Draw(t, "shift")
		if got, err := config.ParseSize(config.FormatSize(n)); err != nil || got != n {
			t.Fatalf("%s: %v, %v", config.FormatSize(n), got, err)
		}
	})
}
