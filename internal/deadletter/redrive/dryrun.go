package redrive

import (
	"cmp"
	"context"
	"slices"

	"managed-thing-updater/internal/deadletter/mailbox"
)

// Outlook is what would become of letters that fare alike.
type Outlook struct {
	Verdict Verdict        `json:"verdict"`
	In      string         `json:"in,omitempty"`      // the wrappings around the first fault
	Pointer string         `json:"pointer,omitempty"` // of the first fault
	Count   int            `json:"count"`
	Sample  mailbox.Sample `json:"sample"` // its rule and detail are today's
}

// DryRun looks at the letters that the filter chooses and moves none. It returns
// the largest group first, and how many letters it looked at; both also with an
// error, as far as it came.
func DryRun(ctx context.Context, from Source, o Options) ([]Outlook, int, error) {
	type key struct {
		verdict     Verdict
		in, pointer string
	}
	groups := map[key]*Outlook{}
	looked, chosen := 0, 0
	var err error
	for l, failed := range mailbox.All(ctx, from) {
		if err = failed; err != nil {
			break
		}
		looked++
		if l.Later || !o.Filter.Takes(l) {
			continue
		}
		f := o.Rules.Foresee(l)
		k := key{verdict: f.Verdict}
		sample := mailbox.Sample{ID: l.Message.ID, Thing: l.Thing}
		if l.Failure != nil {
			sample.SourceID = l.Failure.MessageID
		}
		if len(f.Faults) > 0 {
			k.in, k.pointer = f.Faults[0].In, f.Faults[0].Pointer
			sample.Rule, sample.Detail = f.Faults[0].Rule, f.Faults[0].Detail
		}
		if groups[k] == nil {
			groups[k] = &Outlook{Verdict: k.verdict, In: k.in, Pointer: k.pointer, Sample: sample}
		}
		groups[k].Count++
		if chosen++; o.Limit > 0 && chosen >= o.Limit {
			break
		}
	}
	all := make([]Outlook, 0, len(groups))
	for _, g := range groups {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Outlook) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.In, b.In))
	})
	return all, looked, err
}
