package backlog

import "container/list"

// tenants are the lines of the tenants that have something waiting, served in
// turn: a tenant that floods the queue keeps no other one waiting. Without
// tenants it is one line.
type tenants struct {
	byName map[string]*list.Element
	turns  list.List // of *tenant, the next one's turn first
	things int       // of all of them
}

// tenant is one tenant's things, at least one. Those with a suspect among their
// items have a line of their own, because they are passed over while another
// suspect is tested.
type tenant struct {
	name            string
	plain, suspects line
}

// head is the tenant's next thing, or nil. Suspects count only if that is asked.
func (tn *tenant) head(suspects bool) *thing {
	t := tn.plain.head()
	if s := tn.suspects.head(); suspects && s != nil && (t == nil || s.before(t)) {
		return s
	}
	return t
}

// head is the next thing of the tenant whose turn it is, or nil. A tenant that has
// nothing but suspects while they do not count keeps its turn for later.
func (ts *tenants) head(suspects bool) *thing {
	for e := ts.turns.Front(); e != nil; e = e.Next() {
		if t := e.Value.(*tenant).head(suspects); t != nil {
			return t
		}
	}
	return nil
}

func (ts *tenants) push(t *thing) {
	name := t.oldest().Tenant
	e := ts.byName[name]
	if e == nil {
		if ts.byName == nil {
			ts.byName = make(map[string]*list.Element)
		}
		e = ts.turns.PushBack(&tenant{name: name})
		ts.byName[name] = e
	}
	ts.things++
	of := e.Value.(*tenant)
	t.at, t.heap = e, &of.plain
	if t.suspect() {
		t.heap = &of.suspects
	}
	t.heap.push(t)
}

func (ts *tenants) remove(t *thing) {
	t.heap.remove(t)
	ts.things--
	if of := t.at.Value.(*tenant); of.head(true) == nil {
		ts.turns.Remove(t.at)
		delete(ts.byName, of.name)
	}
	t.at, t.heap = nil, nil
}

// served takes a thing out that is given its turn: its tenant's next turn comes
// after the others'.
func (ts *tenants) served(t *thing) {
	ts.turns.MoveToBack(t.at)
}
