package redisstore

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"managed-thing-updater/internal/thingstate"
)

// What one try may take, where the URL does not say. Three of them end within the
// 4 seconds that an operation has.
const (
	dialTimeout = time.Second
	ioTimeout   = time.Second
	retries     = 2
)

const allowed = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, with &addr=HOST:PORT for each further node of a cluster"

// database is a URL's path. Any other may be the rest of a password that was not
// written as it must be.
var database = regexp.MustCompile(`^(/[0-9]*)?$`)

// open makes the client. The library's own retries are on: a script that runs
// again, because its answer was lost, finds its own Holder in the item and does
// the same once more.
func open(o Options) (*Table, error) {
	redis.SetLogger(silent{}) // errors come back from the calls
	u, err := url.Parse(o.URL)
	if err != nil || u.Hostname() == "" || !database.MatchString(u.Path) {
		return nil, wrong("") // url's error quotes the URL
	}
	tb := &Table{name: u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")}
	if u.Query().Has("addr") {
		tb.cluster = true
		tb.client, err = openCluster(o)
	} else {
		tb.client, err = openOne(o)
	}
	if err != nil {
		return nil, err
	}
	return tb, nil
}

func openOne(o Options) (redis.UniversalClient, error) {
	c, err := redis.ParseURL(o.URL)
	if err != nil {
		return nil, wrong(err.Error())
	}
	c.MaxRetries, c.DialerRetries = cmp.Or(c.MaxRetries, retries), 1
	c.DialTimeout, c.ReadTimeout = cmp.Or(c.DialTimeout, dialTimeout), cmp.Or(c.ReadTimeout, ioTimeout)
	c.WriteTimeout, c.PoolSize = cmp.Or(c.WriteTimeout, ioTimeout), cmp.Or(c.PoolSize, o.Connections)
	c.ContextTimeoutEnabled, c.DisableIdentity, c.PipelinePoolSize = true, true, -1
	c.MaintNotificationsConfig = noNotifications()
	return redis.NewClient(c), nil
}

func openCluster(o Options) (redis.UniversalClient, error) {
	c, err := redis.ParseClusterURL(o.URL)
	if err != nil {
		return nil, wrong(err.Error())
	}
	c.MaxRetries, c.DialerRetries = cmp.Or(c.MaxRetries, retries), 1
	c.DialTimeout, c.ReadTimeout = cmp.Or(c.DialTimeout, dialTimeout), cmp.Or(c.ReadTimeout, ioTimeout)
	c.WriteTimeout, c.PoolSize = cmp.Or(c.WriteTimeout, ioTimeout), cmp.Or(c.PoolSize, o.Connections)
	c.ContextTimeoutEnabled, c.DisableIdentity, c.PipelinePoolSize = true, true, -1
	c.MaintNotificationsConfig = noNotifications()
	return redis.NewClusterClient(c), nil
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
