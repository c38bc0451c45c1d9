package mailbox

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"
)

const (
	// LookWait is how long a receive waits where nothing else is to do: a long
	// poll, which asks all of SQS's servers.
	LookWait = time.Second
	// Quiet is how many receives in a row bring nothing new when a queue has nothing
	// more to show. Letters that came later are not new: where a worker goes on
	// writing some, there would be no end.
	Quiet = 3
)

// AnyNew reports whether a receive brought a letter that was there before.
func AnyNew(letters []*Letter) bool {
	return slices.ContainsFunc(letters, func(l *Letter) bool { return !l.Later })
}

// All yields the letters of a Box, or a File, each once, until it shows nothing
// new. An error ends it; the end of ctx is one, with its cause.
func All(ctx context.Context, from interface {
	Next(ctx context.Context, wait time.Duration) ([]*Letter, error)
},
) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		for quiet := 0; quiet < Quiet; {
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			letters, err := from.Next(ctx, LookWait)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if quiet++; AnyNew(letters) {
				quiet = 0
			}
			for _, l := range letters {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}
