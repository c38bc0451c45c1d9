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

// tenant is one tenant's line, never empty.
type tenant struct {
	name string
	line
}

// head is the next thing of the tenant whose turn it is.
func (ts *tenants) head() *thing {
	if e := ts.turns.Front(); e != nil {
		return e.Value.(*tenant).head()
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
	t.at = e
	e.Value.(*tenant).push(t)
}

func (ts *tenants) remove(t *thing) {
	of := t.at.Value.(*tenant)
	of.remove(t)
	ts.things--
	if of.head() == nil {
		ts.turns.Remove(t.at)
		delete(ts.byName, of.name)
	}
	t.at = nil
}

// served takes a thing out that is given its turn: its tenant's next turn comes
// after the others'.
func (ts *tenants) served(t *thing) {
	ts.turns.MoveToBack(t.at)
}
