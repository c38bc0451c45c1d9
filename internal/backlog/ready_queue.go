package backlog

import (
	"container/list"

	"managed-thing-updater/internal/priorityqueue"
)

// readyQueue has the things that wait for nothing but their turn, by tenant. The tenants
// take turns: one that floods the queue keeps no other one waiting.
type readyQueue struct {
	byName map[string]*tenant
	order  list.List // of *tenant, the next one's turn first
	things int       // of all of them
}

// tenant has one tenant's things, at least one. Those with a suspect among their items
// have a heap of their own, because they are passed over while another suspect is tested.
type tenant struct {
	name            string
	place           *list.Element // in readyQueue.order
	plain, suspects things
}

// things has at its front the thing that is first in its order. A thing is in one at most.
type things = priorityqueue.Queue[thing]

func newThings(before func(a, b *thing) bool) things {
	return priorityqueue.New(before, func(t *thing) *int { return &t.place })
}

// head is the tenant's next thing, or nil. Suspects count only if that is asked.
func (tn *tenant) head(suspects bool) *thing {
	t := tn.plain.First()
	if s := tn.suspects.First(); suspects && s != nil && (t == nil || s.before(t)) {
		return s
	}
	return t
}

// head is the next thing of the tenant whose turn it is, or nil. A tenant that has
// nothing but suspects while they do not count keeps its turn for later.
func (q *readyQueue) head(suspects bool) *thing {
	for e := q.order.Front(); e != nil; e = e.Next() {
		if t := e.Value.(*tenant).head(suspects); t != nil {
			return t
		}
	}
	return nil
}

func (q *readyQueue) add(t *thing) {
	oldest := t.oldest()
	t.key = readyKey{sentAt: oldest.SentAt, seq: oldest.seq}
	if t.failures > 0 {
		t.key.due = t.due
	}
	tn := q.byName[oldest.Tenant]
	if tn == nil {
		if q.byName == nil {
			q.byName = make(map[string]*tenant)
		}
		tn = &tenant{name: oldest.Tenant, plain: newThings((*thing).before), suspects: newThings((*thing).before)}
		tn.place = q.order.PushBack(tn)
		q.byName[tn.name] = tn
	}
	t.tenant, t.heap = tn, &tn.plain
	if t.suspect() {
		t.heap = &tn.suspects
	}
	t.heap.Set(t)
	q.things++
}

func (q *readyQueue) remove(t *thing) {
	t.heap.Remove(t)
	q.things--
	if tn := t.tenant; tn.head(true) == nil {
		q.order.Remove(tn.place)
		delete(q.byName, tn.name)
	}
	t.tenant, t.heap = nil, nil
}

// served gives the other tenants their turns before the next one of t's.
func (q *readyQueue) served(t *thing) { q.order.MoveToBack(t.tenant.place) }
