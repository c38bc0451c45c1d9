package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"managed-thing-updater/internal/thingstate"
)

// Check implements thingstate.Table. It runs a script that changes nothing.
func (tb *Table) Check(ctx context.Context) (warnings []string, err error) {
	err = tb.Put(ctx, "", thingstate.Put{})
	if err != nil && !errors.Is(err, thingstate.ErrLeaseLost) {
		return nil, tb.diagnose(err)
	}
	info, err := tb.client.InfoMap(ctx, "cluster", "memory").Result()
	if err != nil {
		return nil, nil // not everybody may ask
	}
	if !tb.cluster && info["Cluster"]["cluster_enabled"] == "1" {
		return nil, tb.isCluster()
	}
	if policy := info["Memory"]["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		warnings = append(warnings, fmt.Sprintf("%s forgets records when its memory is full (maxmemory-policy is %s), and with them which values are the newest; set it to noeviction", tb.name, policy))
	}
	return warnings, nil
}

// diagnose tells what a person must change from what may pass by itself.
func (tb *Table) diagnose(err error) error {
	code, _, _ := strings.Cut(err.Error(), " ")
	if _, answered := errors.AsType[redis.Error](err); !answered {
		code = ""
	}
	switch code {
	case "WRONGPASS", "NOAUTH":
		return &thingstate.SetupError{
			Fault: fmt.Errorf("%s refuses the user or the password of WORKER_STATE (%s)", tb.name, code),
			Fix:   "give them in the URL, as redis://USER:PASSWORD@HOST; characters that have a meaning there are written as %XX",
		}
	case "NOPERM":
		return &thingstate.SetupError{
			Fault: fmt.Errorf("%s does not let the user of WORKER_STATE run its scripts (NOPERM)", tb.name),
			Fix:   "allow it the keys managed-thing:* and the commands EVAL, EVALSHA, GET, SET and TIME",
		}
	case "MOVED":
		return tb.isCluster()
	}
	return fmt.Errorf("%s: %w", tb.name, err)
}

func (tb *Table) isCluster() error {
	return &thingstate.SetupError{
		Fault: fmt.Errorf("%s is a node of a cluster, and WORKER_STATE is not a cluster's URL", tb.name),
		Fix:   "add ?addr=HOST:PORT with the same or another node",
	}
}
