// Package redisstore keeps the records of things in Redis 7 or Valkey.
//
// A thing is one key, "managed-thing:" and its Identifier, so it is at home in a
// cluster as well; each write is one Lua script, which is atomic, and reads before
// it writes at the server. Leases run by the server's clock, so those of the
// workers do not matter. The value is
//
//	FORMAT TOKEN UNTIL HOLDER PUTS d=FINISHED p=TOOK\n
//	TIME TOKEN LENGTH\n and LENGTH bytes, again and again
//
// of decimal numbers: thingstate.ItemFormat when it was written, the last token, the
// lease's end (0: it was ended), who took it, a number that grows by 1 with each Put,
// the holders that made the last Puts, and those that took the item since, one for each
// chunk that is pending. Holders are hexadecimal, and in a list each has a comma behind
// it. The first token and the first number of Puts are the time in milliseconds. The
// chunk with token 0 is the record; the others are the marks of each acquisition since
// the last Put. All times are milliseconds since the epoch.
//
// In format 1 the first line was FORMAT TOKEN UNTIL HOLDER PENDING, with the number of
// chunks that are pending. It is read; the next Take writes format 2.
//
// A value is typically below 1 KiB; full to every bound it has 250 KB. A key is
// forgotten (PX) when its versions and dedup keys have run out.
package redisstore

import (
	"context"
	"crypto/fips140"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"managed-thing-updater/internal/thingstate"
)

//go:embed take.lua
var takeSource string

//go:embed put.lua
var putSource string

var (
	takeScript = newScript(takeSource)
	putScript  = newScript(putSource)
)

// newScript takes a script's SHA-1, by which Redis knows it. It is a name and protects
// nothing, so it is allowed even if only FIPS 140 algorithms are.
func newScript(source string) (script *redis.Script) {
	fips140.WithoutEnforcement(func() { script = redis.NewScript(source) })
	return script
}

// Table implements thingstate.Table. Make it with New.
type Table struct {
	name    string // the URL without credentials and options
	cluster bool
	client  redis.UniversalClient
}

// Options of a Table.
type Options struct {
	// URL is redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS,
	// with options as go-redis takes them. One or more addr=HOST:PORT make it a
	// cluster's.
	URL string
	// Connections is how many operations go on at once; below 1 is go-redis's own
	// default.
	Connections int
}

// String implements thingstate.Table.
func (tb *Table) String() string { return tb.name }

// Where implements thingstate.Table.
func (tb *Table) Where(thing string) string {
	return fmt.Sprintf("the key %s in %s", key(thing), tb.name)
}

// Close implements thingstate.Table.
func (tb *Table) Close() error { return tb.client.Close() }

func key(thing string) string { return "managed-thing:" + thing }

// Take implements thingstate.Table.
func (tb *Table) Take(ctx context.Context, thing string, t thingstate.Take) (thingstate.Item, error) {
	answer, err := takeScript.Run(ctx, tb.client, []string{key(thing)},
		thingstate.ItemFormat, holder(t.By), t.Lease.Milliseconds(), t.TTL.Milliseconds(), thingstate.MaxPending, t.Marks).Slice()
	if err != nil {
		return thingstate.Item{}, err
	}
	return tb.readTaken(thing, answer)
}

// Put implements thingstate.Table.
func (tb *Table) Put(ctx context.Context, thing string, p thingstate.Put) error {
	answer, err := putScript.Run(ctx, tb.client, []string{key(thing)},
		holder(p.By), holder(p.Of), p.Puts, holders(p.Finishers()), p.TTL.Milliseconds(), p.Record).Text()
	switch {
	case err != nil:
		return err
	case answer == "lost":
		return thingstate.ErrLeaseLost
	}
	return nil
}

// readTaken reads the answer of take.lua.
func (tb *Table) readTaken(thing string, answer []any) (thingstate.Item, error) {
	answer = append(answer, make([]any, 7)...) // what is missing is nil
	text := func(i int) string {
		s, _ := answer[i].(string)
		return s
	}
	number := func(i int) int64 {
		n, _ := answer[i].(int64)
		return n
	}
	unreadable := &thingstate.UnreadableError{Thing: thing, Where: tb.Where(thing)}
	switch verdict := text(0); verdict {
	case "held":
		held := &thingstate.HeldError{Thing: thing}
		if left := number(1); left > 0 {
			held.Until = time.Now().Add(time.Duration(left) * time.Millisecond)
		}
		return thingstate.Item{}, held
	case "newer":
		unreadable.Format = int(number(1))
		return thingstate.Item{}, unreadable
	case "taken", "full":
		item := thingstate.Item{
			Now: time.UnixMilli(number(1)).UTC(), Token: uint64(number(2)), Puts: uint64(number(3)),
			By: readHolder(text(4)), Finished: readHolders(text(5)),
		}
		var ok bool
		if item.Record, item.Pending, ok = readChunks(text(6)); !ok {
			return thingstate.Item{}, unreadable
		}
		if verdict == "full" {
			return item, thingstate.ErrFull
		}
		return item, nil
	}
	return thingstate.Item{}, unreadable
}
