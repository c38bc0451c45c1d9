package consumer

import "time"

// Admission decides how many more messages may come in. It may call the consumer back:
// no lock of the consumer's is held while it runs.
type Admission interface {
	// Admit decides whether to receive up to most messages more, beside held ones that
	// have no outcome yet and coming ones that open polls may bring. n is how many of
	// them to receive now; if it is 0, wait is when to ask again, unless Wake is called
	// before. The consumer asks if it has room for most, and then receives n.
	Admit(held, coming, most int) (n int, wait time.Duration)
}

// admitAll lets in what there is room for.
type admitAll struct{}

func (admitAll) Admit(_, _, most int) (n int, wait time.Duration) { return most, 0 }
