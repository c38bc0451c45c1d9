package fleet

import "math/rand/v2"

// deck hands out its cards in random order, each once, then shuffles anew: what
// is rare still comes, and no rarer than its share.
type deck[T any] struct {
	cards []T
	dealt int
}

// weight is how many cards of a deck are of one kind.
type weight struct {
	kind  string
	cards int
}

func newDeck(weights []weight) deck[string] {
	var d deck[string]
	for _, w := range weights {
		d.add(w.kind, w.cards)
	}
	return d
}

func (d *deck[T]) add(card T, times int) {
	for range times {
		d.cards = append(d.cards, card)
	}
}

func (d *deck[T]) draw(r *rand.Rand) T {
	if d.dealt%len(d.cards) == 0 {
		r.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
		d.dealt = 0
	}
	d.dealt++
	return d.cards[d.dealt-1]
}
