package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is how a setting's text becomes a value and back. Its texts never quote
// the value: a fault shows it, masked.
type kind struct {
	Unit    string // what the text is: "duration", "size", …
	Allowed string // the bounds in words
	set     func(c *Config, text string) error
	show    func(c *Config) string
}

// of builds a kind over a field of Config.
func of[T any](field func(*Config) *T, unit, allowed string, parse func(string) (T, error), format func(T) string) kind {
	return kind{
		Unit: unit, Allowed: allowed,
		set: func(c *Config, text string) error {
			v, err := parse(text)
			if err == nil {
				*field(c) = v
			}
			return err
		},
		show: func(c *Config) string { return format(*field(c)) },
	}
}

// ruled is a kind whose texts are right or not, with nothing to say but what is allowed.
func ruled[T any](field func(*Config) *T, unit, allowed string, parse func(string) (T, bool), format func(T) string) kind {
	return of(field, unit, allowed, func(text string) (T, error) {
		v, ok := parse(text)
		if !ok {
			return v, errors.New("it must be " + allowed)
		}
		return v, nil
	}, format)
}

// plain is a kind over a text that is taken as it is if it is right.
func plain(field func(*Config) *string, unit, allowed string, right func(string) bool) kind {
	return ruled(field, unit, allowed, func(text string) (string, bool) { return text, right(text) }, asItIs)
}

func asItIs(text string) string { return text }

func count(field func(*Config) *int, low, high int) kind {
	return ruled(field, "count", fmt.Sprintf("a whole number, %d to %d", low, high), func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n >= low && n <= high
	}, strconv.Itoa)
}

// rate takes a number from low to high; with orZero in front of its words, 0 as well.
func rate(field func(*Config) *float64, front string, low, high float64) kind {
	allowed := fmt.Sprintf("%sa number, %s to %s", front, formatRate(low), formatRate(high))
	return ruled(field, "calls/s", allowed, func(text string) (float64, bool) {
		r, err := strconv.ParseFloat(text, 64)
		return math.Abs(r), err == nil && (front == orZero && r == 0 || r >= low && r <= high) // -0 is 0
	}, formatRate)
}

const orZero = "0, or "

func formatRate(r float64) string { return strconv.FormatFloat(r, 'f', -1, 64) }

func bytes(field func(*Config) *int64, low, high int64) kind {
	allowed := fmt.Sprintf("%s to %s, as bytes or with a unit: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB", FormatSize(low), FormatSize(high))
	return ruled(field, "size", allowed, func(text string) (int64, bool) {
		n, err := ParseSize(text)
		return n, err == nil && n >= low && n <= high
	}, FormatSize)
}

func duration(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, 1, "")
}

func durationOrOff(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, 1, orZero)
}

func wholeSeconds(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, time.Second, "whole seconds, ")
}

// durationKind takes multiples of step from low to high; with orZero in front of its
// words, 0 as well.
func durationKind(field func(*Config) *time.Duration, low, high, step time.Duration, front string) kind {
	allowed := fmt.Sprintf("%s%s to %s", front, FormatDuration(low), FormatDuration(high))
	parse := func(text string) (time.Duration, error) {
		d, err := ParseDuration(text)
		switch {
		case err != nil:
			return 0, fmt.Errorf("it must be a duration, %s: %w", allowed, err)
		case front == orZero && d == 0:
			return 0, nil
		case d < low || d > high || d%step != 0:
			return 0, errors.New("it must be " + allowed)
		}
		return d, nil
	}
	return of(field, "duration", allowed, parse, FormatDuration)
}

func choice(field func(*Config) *string, values ...string) kind {
	return plain(field, "word", "one of "+strings.Join(values, ", "), func(text string) bool { return slices.Contains(values, text) })
}

func queueURL(field func(*Config) *string) kind {
	const allowed = "a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
	return of(field, "URL", allowed, func(text string) (string, error) {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "":
			if strings.HasPrefix(text, "arn:") {
				return text, errors.New("that is the queue's ARN; it must be " + allowed)
			}
			return text, errors.New("it must be " + allowed)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return text, errors.New("it must be a queue's URL without user, query or fragment; credentials are the AWS SDK's own settings")
		}
		return text, nil
	}, asItIs)
}

func listenAddr(field func(*Config) *string) kind {
	const allowed = "host:port, such as :8080 or 127.0.0.1:8080, or empty"
	return plain(field, "address", allowed, func(text string) bool {
		_, port, err := net.SplitHostPort(text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		return text == "" || err == nil
	})
}

// hostNames takes names without ports, separated by white space.
func hostNames(field func(*Config) *[]string) kind {
	const allowed = "host names without scheme and port, separated by spaces, such as worker.example.com"
	return ruled(field, "names", allowed, func(text string) ([]string, bool) {
		names := strings.Fields(text)
		wrong := func(name string) bool {
			return strings.Trim(name, ".") == "" || strings.ContainsFunc(name, notOfHostName)
		}
		return names, !slices.ContainsFunc(names, wrong)
	}, func(names []string) string { return strings.Join(names, " ") })
}

// notOfHostName reports what no host name has. Names of Docker Compose have underscores;
// others than ASCII are sent as xn--….
func notOfHostName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
}

// token takes what can stand in an Authorization header.
func token(field func(*Config) *string) kind {
	const allowed = "letters, digits and signs of ASCII without white space"
	return plain(field, "secret", allowed, func(text string) bool {
		return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	})
}
