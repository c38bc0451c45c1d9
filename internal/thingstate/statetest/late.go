package statetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/thingstate"
)

// LateHarness says how to test what one kind of table does with late requests.
type LateHarness struct {
	Table thingstate.Table // its items "late/…" are this test's
	// Orders bounds how many orders of two holders' requests are tried, and of three
	// holders', drawn at random if there are more. At 0 all of two holders', and as many
	// of three.
	Orders int
	// Blind says that the table cannot see why a request was refused.
	Blind bool
}

// Late sends each Take and each Put of two and of three holders twice, in all orders
// that can be: a copy that was stuck on its way is carried out whenever it arrives. A
// holder's Put is made from the first answer to its Take. Leases run out at once or
// not at all.
func Late(t *testing.T, h LateHarness) {
	const seed = 20261201
	rng := rand.New(rand.NewPCG(seed, 0))
	orders := twoHolders()
	rng.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	if h.Orders > 0 {
		orders = orders[:min(h.Orders, len(orders))]
	}
	for range len(orders) {
		orders = append(orders, threeHolders(rng))
	}
	began := time.Now()
	for n, o := range orders {
		run := &lateRun{LateHarness: h, thing: fmt.Sprintf("late/%d/%d", began.UnixNano(), n), order: o, now: began, current: -1}
		if fault := run.play(t); fault != "" {
			t.Errorf("%s: %s", o, fault)
			if n++; t.Failed() && n > 20 {
				t.Fatal("and more")
			}
		}
	}
	t.Logf("%d orders of late requests", len(orders))
}

// request is a copy of a holder's Take or Put, in the order of their arrival.
type request struct {
	holder int
	put    bool
}

type lateOrder struct {
	requests []request
	long     []bool // whether the holder's lease does not end
}

func (o lateOrder) String() string {
	var b strings.Builder
	for _, r := range o.requests {
		fmt.Fprintf(&b, "%s(%c) ", map[bool]string{false: "Take", true: "Put"}[r.put], 'A'+r.holder)
	}
	return fmt.Sprintf("%swith leases that last %v", b.String(), o.long)
}

// programs are the orders of one holder's own requests: its Put comes after an answer.
var programs = [][]bool{{false, false, true, true}, {false, true, false, true}, {false, true, true, false}}

// twoHolders are all orders of two holders' requests; the first one begins.
func twoHolders() (all []lateOrder) {
	for _, a := range programs {
		for _, b := range programs {
			for bits := range 1 << 8 { // which of the two each request is of
				var o lateOrder
				next := [2][]bool{a, b}
				for at := range 8 {
					of := bits >> at & 1
					if len(next[of]) == 0 {
						break
					}
					o.requests = append(o.requests, request{of, next[of][0]})
					next[of] = next[of][1:]
				}
				if len(o.requests) < 8 || o.requests[0].holder != 0 {
					continue
				}
				for leases := range 4 {
					all = append(all, lateOrder{o.requests, []bool{leases&1 > 0, leases&2 > 0}})
				}
			}
		}
	}
	return all
}

func threeHolders(rng *rand.Rand) lateOrder {
	var next [3][]bool
	var o lateOrder
	var of []int
	for holder := range next {
		next[holder] = programs[rng.IntN(len(programs))]
		o.long = append(o.long, rng.IntN(4) == 0)
		of = append(of, slices.Repeat([]int{holder}, 4)...)
	}
	rng.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	for _, holder := range of {
		o.requests = append(o.requests, request{holder, next[holder][0]})
		next[holder] = next[holder][1:]
	}
	return o
}

// lateRun plays one order, and knows what must come of it.
type lateRun struct {
	LateHarness
	thing string
	order lateOrder
	now   time.Time

	record  string
	current int  // who took the item last
	held    bool // and has not Put it
	tenure  int  // counts the times that the item changed hands
	took    []int
	made    [3]bool
	answers [3]*lateAnswer // the first ones
}

type lateAnswer struct {
	thingstate.Item
	tenure int
}

func (r *lateRun) holder(n int) thingstate.Holder {
	return thingstate.Holder{byte('A' + n), 0x80, 0xff}
}

func (r *lateRun) play(t *testing.T) (fault string) {
	for n, q := range r.order.requests {
		if q.put {
			fault = r.put(t, q.holder)
		} else {
			fault = r.take(t, q.holder)
		}
		if fault != "" {
			return fmt.Sprintf("request %d: %s", n+1, fault)
		}
	}
	last := 25 // a stranger
	if r.held && r.order.long[r.current] {
		last = r.current // no other holder can look
	}
	item, err := r.send(t, last)
	if err != nil {
		return fmt.Sprintf("at the end: %v", err)
	}
	return r.differs(item)
}

func (r *lateRun) send(t *testing.T, holder int) (thingstate.Item, error) {
	lease := time.Duration(0)
	if holder < len(r.order.long) && r.order.long[holder] {
		lease = time.Hour
	}
	return r.Table.Take(t.Context(), r.thing, thingstate.Take{
		By: r.holder(holder), Now: r.now, Lease: lease, Marks: []byte{byte('A' + holder)}, TTL: time.Hour,
	})
}

func (r *lateRun) take(t *testing.T, holder int) string {
	item, err := r.send(t, holder)
	_, refused := errors.AsType[*thingstate.HeldError](err)
	if err != nil && !refused {
		return err.Error()
	}
	own := r.held && r.current == holder
	over := r.made[holder] || !own && (r.held && r.order.long[r.current] || slices.Contains(r.took, holder))
	switch {
	case over && !refused:
		return "the Take of a holder whose time is over, or of one beside a lease, is let in"
	case refused && !over && (own || r.answers[holder] == nil):
		return "a Take that is not late is refused"
	case refused:
		return ""
	}
	if fault := r.differs(item); fault != "" {
		return fault
	}
	if !own {
		r.tenure++
	}
	r.current, r.held = holder, true
	r.took = append(r.took, holder)
	if r.answers[holder] == nil {
		r.answers[holder] = &lateAnswer{item, r.tenure}
	}
	return ""
}

func (r *lateRun) put(t *testing.T, holder int) string {
	from := r.answers[holder]
	if from == nil {
		return "" // its Take was refused: it has nothing to Put
	}
	record := fmt.Sprint("of ", string(rune('A'+holder)))
	err := r.Table.Put(t.Context(), r.thing, thingstate.Put{
		By: r.holder(holder), Of: r.holder(holder), Puts: from.Puts, Finished: from.Finished,
		Now: r.now, Record: []byte(record), TTL: time.Hour,
	})
	lost := errors.Is(err, thingstate.ErrLeaseLost)
	if err != nil && !lost {
		return err.Error()
	}
	rightful := r.held && r.current == holder && from.tenure == r.tenure
	switch {
	case r.made[holder]:
		if lost && !(r.Blind && r.tenure > from.tenure) {
			return "a Put that was made is said not to be"
		}
	case rightful && lost:
		return "the Put of a holder that had the item all the time is refused"
	case !rightful && !lost:
		return "a Put is let in though others had the item meanwhile"
	case rightful:
		r.record, r.held, r.took, r.made[holder] = record, false, nil, true
	}
	return ""
}

// differs compares an item with what it must be.
func (r *lateRun) differs(item thingstate.Item) string {
	if string(item.Record) != r.record {
		return fmt.Sprintf("the record is %q, want %q", item.Record, r.record)
	}
	want, got := map[string]bool{}, map[string]bool{}
	for _, holder := range r.took {
		want[string(rune('A'+holder))] = true
	}
	for _, p := range item.Pending {
		got[string(p.Marks)] = true
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("marks of %v are pending, want %v", got, want)
	}
	return ""
}
