package mailbox

import (
	"cmp"
	"slices"
	"time"
)

// Group is what letters that failed alike come to.
type Group struct {
	Place
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest"` // when the first of them became a letter
	Newest time.Time `json:"newest"`
	Sample Sample    `json:"sample"`
}

// Sample is one letter of a group, the first that came.
type Sample struct {
	ID       string `json:"id"`                 // of the letter
	SourceID string `json:"sourceId,omitempty"` // of the message that it was made of
	Thing    string `json:"thing,omitempty"`
	Rule     string `json:"rule,omitempty"`   // of its first fault
	Detail   string `json:"detail,omitempty"` // in words
}

// Groups sums letters up; it keeps none of them. The zero value has none.
type Groups struct{ byPlace map[Place]*Group }

// Add counts a letter.
func (g *Groups) Add(l *Letter) {
	since := l.Since()
	if g.byPlace == nil {
		g.byPlace = map[Place]*Group{}
	}
	group := g.byPlace[l.Place()]
	if group == nil {
		group = &Group{Place: l.Place(), Oldest: since, Newest: since, Sample: sampleOf(l)}
		g.byPlace[l.Place()] = group
	}
	group.Count++
	if since.Before(group.Oldest) {
		group.Oldest = since
	}
	if since.After(group.Newest) {
		group.Newest = since
	}
}

func sampleOf(l *Letter) Sample {
	s := Sample{ID: l.Message.ID, Thing: l.Thing}
	if f := l.Failure; f != nil {
		s.SourceID, s.Detail = f.MessageID, f.Detail
		if len(f.Faults) > 0 {
			s.Rule, s.Detail = f.Faults[0].Rule, f.Faults[0].Detail
		}
	}
	return s
}

// Sorted lists the groups, the largest first.
func (g *Groups) Sorted() []Group {
	all := make([]Group, 0, len(g.byPlace))
	for _, group := range g.byPlace {
		all = append(all, *group)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.In, b.In), cmp.Compare(a.Source, b.Source))
	})
	return all
}
