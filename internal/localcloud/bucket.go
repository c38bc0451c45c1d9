package localcloud

import "time"

// bucket is a token bucket. Its owner's mutex guards it.
type bucket struct {
	rate, size float64 // tokens a second and at most; rate 0 is no limit
	tokens     float64
	at         time.Time
}

// set changes rate and size; a size of 0 is one second's tokens, at least 1.
// The bucket is full from then on.
func (b *bucket) set(rate, size float64) {
	if size <= 0 {
		size = max(1, rate)
	}
	*b = bucket{rate: rate, size: size, tokens: size}
}

func (b *bucket) take(now time.Time) bool {
	if b.rate <= 0 {
		return true
	}
	if !b.at.IsZero() {
		b.tokens = min(b.size, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
