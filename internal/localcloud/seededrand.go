package localcloud

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"sync/atomic"
)

// seededRand draws from the seed and from what is drawn for, so that the outcome
// does not depend on which of two concurrent requests came first.
type seededRand struct {
	seed uint64
	next atomic.Uint64
}

// share returns a number in [0, 1) that is the same for the same arguments.
func (r *seededRand) share(kind, key string, n int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "\x00" + key))
	return float64(mix(mix(r.seed)^h.Sum64()^mix(uint64(n)))>>11) / (1 << 53)
}

// uuid returns the next id, shaped like a random UUID (RFC 9562, version 4).
func (r *seededRand) uuid() string {
	n := r.next.Add(1)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], mix(r.seed^mix(n)))
	binary.BigEndian.PutUint64(b[8:], mix(r.seed+n))
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
