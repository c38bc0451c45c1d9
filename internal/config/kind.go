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

// plain is a kind over a text that is taken as it is once check agrees.
func plain(field func(*Config) *string, unit, allowed string, check func(string) error) kind {
	parse := func(text string) (string, error) { return text, check(text) }
	return of(field, unit, allowed, parse, func(text string) string { return text })
}

func count(field func(*Config) *int, low, high int) kind {
	allowed := fmt.Sprintf("a whole number, %d to %d", low, high)
	parse := func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, errors.New("it must be " + allowed)
		}
		return n, nil
	}
	return of(field, "count", allowed, parse, strconv.Itoa)
}

func rate(field func(*Config) *float64, low, high float64) kind {
	return rateKind(field, low, high, false)
}

func rateOrNone(field func(*Config) *float64, low, high float64) kind {
	return rateKind(field, low, high, true)
}

func rateKind(field func(*Config) *float64, low, high float64, zero bool) kind {
	allowed := fmt.Sprintf("a number, %s to %s", formatRate(low), formatRate(high))
	if zero {
		allowed = "0, or " + allowed
	}
	parse := func(text string) (float64, error) {
		r, err := strconv.ParseFloat(text, 64)
		if err == nil && (zero && r == 0 || r >= low && r <= high) {
			return math.Abs(r), nil // -0 is 0
		}
		return 0, errors.New("it must be " + allowed)
	}
	return of(field, "calls/s", allowed, parse, formatRate)
}

func formatRate(r float64) string { return strconv.FormatFloat(r, 'f', -1, 64) }

func bytes(field func(*Config) *int64, low, high int64) kind {
	allowed := fmt.Sprintf("%s to %s, as bytes or with a unit: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB", FormatSize(low), FormatSize(high))
	parse := func(text string) (int64, error) {
		n, err := ParseSize(text)
		if err != nil || n < low || n > high {
			return 0, errors.New("it must be " + allowed)
		}
		return n, nil
	}
	return of(field, "size", allowed, parse, FormatSize)
}

func duration(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, 1, "")
}

func durationOrOff(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, 1, "0, or ")
}

func wholeSeconds(field func(*Config) *time.Duration, low, high time.Duration) kind {
	return durationKind(field, low, high, time.Second, "whole seconds, ")
}

// durationKind takes multiples of step from low to high; with "0, or " in front
// of its words, 0 as well.
func durationKind(field func(*Config) *time.Duration, low, high, step time.Duration, front string) kind {
	allowed := fmt.Sprintf("%s%s to %s", front, FormatDuration(low), FormatDuration(high))
	zero := front == "0, or "
	parse := func(text string) (time.Duration, error) {
		d, err := ParseDuration(text)
		switch {
		case err != nil:
			return 0, fmt.Errorf("it must be a duration, %s: %w", allowed, err)
		case zero && d == 0:
			return 0, nil
		case d < low || d > high || d%step != 0:
			return 0, errors.New("it must be " + allowed)
		}
		return d, nil
	}
	return of(field, "duration", allowed, parse, FormatDuration)
}

func choice(field func(*Config) *string, values ...string) kind {
	allowed := "one of " + strings.Join(values, ", ")
	return plain(field, "word", allowed, func(text string) error {
		if !slices.Contains(values, text) {
			return errors.New("it must be " + allowed)
		}
		return nil
	})
}

func queueURL(field func(*Config) *string) kind {
	const allowed = "a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
	return plain(field, "URL", allowed, func(text string) error {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "":
			if strings.HasPrefix(text, "arn:") {
				return errors.New("that is the queue's ARN; it must be " + allowed)
			}
			return errors.New("it must be " + allowed)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return errors.New("it must be a queue's URL without user, query or fragment; credentials are the AWS SDK's own settings")
		}
		return nil
	})
}

func listenAddr(field func(*Config) *string) kind {
	const allowed = "host:port, such as :8080 or 127.0.0.1:8080, or empty"
	return plain(field, "address", allowed, func(text string) error {
		if text == "" {
			return nil
		}
		_, port, err := net.SplitHostPort(text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return errors.New("it must be " + allowed)
		}
		return nil
	})
}

// hostNames takes names without ports, separated by white space.
func hostNames(field func(*Config) *[]string) kind {
	const allowed = "host names without scheme and port, separated by spaces, such as worker.example.com"
	parse := func(text string) ([]string, error) {
		names := strings.Fields(text)
		for _, name := range names {
			if strings.Trim(name, ".") == "" || strings.ContainsFunc(name, notOfHostName) {
				return nil, errors.New("it must be " + allowed)
			}
		}
		return names, nil
	}
	return of(field, "names", allowed, parse, func(names []string) string { return strings.Join(names, " ") })
}

// notOfHostName reports what no host name has. Names of Docker Compose have underscores;
// others than ASCII are sent as xn--….
func notOfHostName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r))
}

// token takes what can stand in an Authorization header.
func token(field func(*Config) *string) kind {
	const allowed = "letters, digits and signs of ASCII without white space"
	return plain(field, "secret", allowed, func(text string) error {
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("it must be " + allowed)
		}
		return nil
	})
}
