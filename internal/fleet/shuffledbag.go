package fleet

import "math/rand/v2"

// shuffledBag gives out its items in random order, each once, then shuffles anew: what
// is rare still comes, and no rarer than its share.
type shuffledBag[T any] struct {
	items []T
	given int
}

// weight is how many items of a bag are of one kind.
type weight struct {
	kind  string
	times int
}

func newBag(weights []weight) shuffledBag[string] {
	var b shuffledBag[string]
	for _, w := range weights {
		b.add(w.kind, w.times)
	}
	return b
}

func (b *shuffledBag[T]) add(item T, times int) {
	for range times {
		b.items = append(b.items, item)
	}
}

func (b *shuffledBag[T]) next(r *rand.Rand) T {
	if b.given%len(b.items) == 0 {
		r.Shuffle(len(b.items), func(i, j int) { b.items[i], b.items[j] = b.items[j], b.items[i] })
		b.given = 0
	}
	b.given++
	return b.items[b.given-1]
}
