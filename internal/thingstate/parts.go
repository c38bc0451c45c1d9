package thingstate

import (
	"cmp"
	"slices"

	"managed-thing-updater/internal/message"
)

// PartKey is the hash of a key inside a member.
type PartKey uint64

// Part is the order of the last value applied under one key of a member.
type Part struct {
	Key   PartKey
	Order *message.Order // never nil; shared, and never changed
}

// Parts are sorted by key, each key once, and never change once they are made.
type Parts []Part

// MaxParts bounds the Parts of a Version: the oldest go first.
const MaxParts = 256

// NewParts makes Parts of parts in any order, whose memory it takes over. Of
// several of one key the newest counts. It is never nil: a value without keys sets
// none, and a value without Parts has keys that cannot be told apart.
func NewParts(parts []Part) Parts {
	if parts == nil {
		return Parts{}
	}
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), b.Order.Compare(*a.Order))
	})
	return slices.CompactFunc(parts, func(a, b Part) bool { return a.Key == b.Key })
}

// Order is that of the last value applied under key, nil if none is known.
func (p Parts) Order(key PartKey) *message.Order {
	at, known := slices.BinarySearchFunc(p, key, func(part Part, key PartKey) int { return cmp.Compare(part.Key, key) })
	if !known {
		return nil
	}
	return p[at].Order
}

// Has reports whether p has the key.
func (p Parts) Has(key PartKey) bool { return p.Order(key) != nil }

// Keys are the keys of p, sorted; nil for nil.
func (p Parts) Keys() []PartKey {
	if p == nil {
		return nil
	}
	keys := make([]PartKey, len(p))
	for i, part := range p {
		keys[i] = part.Key
	}
	return keys
}

// with returns p after the others were applied: each key at its newest order.
func (p Parts) with(others Parts) Parts {
	switch {
	case len(others) == 0:
		return p
	case others.newerThan(p):
		return others.newest()
	}
	merged := NewParts(slices.Concat(p, others))
	return slices.Clone(merged).newest() // without the room of keys that both have
}

// newerThan reports whether p has every key of the others, and none of them older.
func (p Parts) newerThan(others Parts) bool {
	return len(p) >= len(others) && !slices.ContainsFunc(others, func(other Part) bool {
		order := p.Order(other.Key)
		return order == nil || other.Order.After(*order)
	})
}

// newest returns p within its bound.
func (p Parts) newest() Parts {
	drop := len(p) - MaxParts
	if drop <= 0 {
		return p
	}
	oldestFirst := slices.Clone(p)
	slices.SortFunc(oldestFirst, func(a, b Part) int {
		return cmp.Or(a.Order.Compare(*b.Order), cmp.Compare(a.Key, b.Key))
	})
	return NewParts(oldestFirst[drop:])
}
