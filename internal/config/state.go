package config

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// The kinds of State.
const (
	StateMemory   = "memory"
	StateDynamoDB = "dynamodb" // and "://" and the table's name
	StateRedis    = "redis"    // a URL of redis:// or rediss://
)

// StateKind is which of the kinds State is.
func (c Config) StateKind() string {
	scheme, _, _ := strings.Cut(c.State, "://")
	if scheme == "rediss" {
		return StateRedis
	}
	return scheme
}

// StateTable is the name of the table of StateDynamoDB.
func (c Config) StateTable() string {
	_, table, _ := strings.Cut(c.State, "://")
	return table
}

// StateName is State without credentials and options.
func (c Config) StateName() string {
	if c.StateKind() != StateRedis {
		return c.State
	}
	u, err := url.Parse(c.State)
	if err != nil {
		return StateRedis + "://…" // unreachable: it was checked
	}
	return u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")
}

var (
	// tableName is DynamoDB's own rule, from the reference of CreateTable.
	tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	// database is the path of a URL of Redis.
	database = regexp.MustCompile(`^(/[0-9]*)?$`)
)

// stateStore takes a place where records live. What only the place's own library
// knows, such as a URL's options, is checked at start.
func stateStore(field func(*Config) *string) kind {
	const allowed = "`memory`, `dynamodb://TABLE`, `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]` or `rediss://…` (TLS), with `?addr=HOST:PORT` for a cluster"
	plainly := strings.ReplaceAll(allowed, "`", "")
	parse := func(text string) (string, error) {
		scheme, rest, _ := strings.Cut(text, "://")
		switch {
		case text == StateMemory:
			return text, nil
		case scheme == StateDynamoDB && tableName.MatchString(rest):
			return text, nil
		case scheme == StateDynamoDB:
			return "", errors.New("it must be dynamodb://TABLE with the table's name, 3 to 255 of a-z, A-Z, 0-9, _ . -; account and Region are the AWS SDK's own settings")
		case scheme == "redis" || scheme == "rediss":
			u, err := url.Parse(text)
			if err != nil || u.Hostname() == "" || !database.MatchString(u.Path) || u.Fragment != "" {
				return "", errors.New("it must be " + scheme + "://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; in user and password, what is no letter or digit is written as %XX")
			}
			return text, nil
		}
		return "", errors.New("it must be " + plainly)
	}
	k := of(field, "URL or word", allowed, parse, asItIs)
	k.show = func(c *Config) string { return c.StateName() }
	return k
}
