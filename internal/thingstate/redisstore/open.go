package redisstore

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"managed-thing-updater/internal/thingstate"
)

// What one try may take, if the URL does not say. Three of them end within the
// 4 seconds that an operation has.
const (
	tryTimeout = "1s"
	retries    = "2"
)

const allowed = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, with ?addr=HOST:PORT for each further node of a cluster"

// database is a URL's path. Any other may be the rest of a password that was not
// written as it must be.
var database = regexp.MustCompile(`^(/[0-9]*)?$`)

// New makes a table; nothing is sent to the server yet. The error is a
// *thingstate.SetupError, which never holds what may be a password.
//
// The library's own retries are on: a script that runs again, because its answer
// was lost, finds its own Holder in the item: a Take does the same once more, and a Put
// is known to be made.
func New(o Options) (*Table, error) {
	redis.SetLogger(silent{}) // errors come back from the calls
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || !database.MatchString(u.Path) {
		return nil, wrong("") // url's error quotes the URL
	}
	tb := &Table{name: u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")}
	query := u.Query()
	for option, value := range map[string]string{
		"max_retries": retries, "dial_timeout": tryTimeout, "read_timeout": tryTimeout, "write_timeout": tryTimeout,
		"pool_size": strconv.Itoa(max(0, o.Connections)), "pipeline_pool_size": "-1",
	} {
		if !query.Has(option) {
			query.Set(option, value)
		}
	}
	tb.cluster = query.Has("addr")
	u.RawQuery = query.Encode()
	if tb.cluster {
		c, err := redis.ParseClusterURL(u.String())
		if err != nil {
			return nil, wrong(err.Error())
		}
		c.ContextTimeoutEnabled, c.DialerRetries, c.DisableIdentity, c.MaintNotificationsConfig = true, 1, true, noNotifications()
		tb.client = redis.NewClusterClient(c)
		return tb, nil
	}
	c, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, wrong(err.Error())
	}
	c.ContextTimeoutEnabled, c.DialerRetries, c.DisableIdentity, c.MaintNotificationsConfig = true, 1, true, noNotifications()
	tb.client = redis.NewClient(c)
	return tb, nil
}

// noNotifications turns off what Redis Enterprise alone knows.
func noNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// wrong says that a URL cannot be used. Of the library's errors only the one that
// names options and no values is quoted.
func wrong(detail string) error {
	fault := "WORKER_STATE is no URL of Redis"
	if _, options, ok := strings.Cut(detail, "unexpected option: "); ok {
		fault = "WORKER_STATE has options that are not known: " + options
	}
	return &thingstate.SetupError{Fault: errors.New(fault), Fix: "it must be " + allowed}
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
