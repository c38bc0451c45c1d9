package updater

import (
	"context"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// settle ends what is finished with; where is where those lost that did, to a call
// with that request id, if there was one.
func (u *Updater) settle(settled []backlog.Settlement, where telemetry.LostTo, requestID string) {
	for _, s := range settled {
		if s.Outcome == message.Superseded || s.Outcome == message.Unsure {
			u.metrics.Superseded(where, s.LostBy)
			s.Item.Story.LostTo(where == telemetry.LostToRecord, s.LostBy, requestID)
		}
		if s.Outcome == message.Applied && s.Item.Evidence.Failures > 0 {
			u.notices.recovered(s.Item)
		}
		s.Item.Claim.Settle(s.Outcome)
	}
}

// done ends the turn. What is left when the worker stops is given back, except
// where it was cut: then the consumer gives it back and counts it as stranded.
func (u *Updater) done(ctx context.Context, t *backlog.Turn, settled []backlog.Settlement, next backlog.Next) {
	for _, it := range u.backlog.Done(t, settled, next) {
		if ctx.Err() == nil {
			it.Claim.Release(0)
		}
	}
}

func live(items []*backlog.Item) []*backlog.Item {
	var held []*backlog.Item
	for _, it := range items {
		if it.Claim.Live() {
			held = append(held, it)
		}
	}
	return held
}

// without leaves out what is settled, which is in the order of the items.
func without(items []*backlog.Item, settled []backlog.Settlement) []*backlog.Item {
	if len(settled) == 0 {
		return items
	}
	rest := make([]*backlog.Item, 0, len(items)-len(settled))
	for _, it := range items {
		if len(settled) > 0 && settled[0].Item == it {
			settled = settled[1:]
			continue
		}
		rest = append(rest, it)
	}
	return rest
}

// keys are the dedup keys to remember: those of the updates that took effect, and of
// those that lost to a newer value but would not if they were sent again.
func keys(settled []backlog.Settlement) []string {
	var out []string
	for _, s := range settled {
		switch s.Outcome {
		case message.Applied, message.Unchanged:
			out = append(out, s.Item.Update.Key)
		case message.Superseded, message.Unsure:
			if s.Item.Update.NewerIfSentAgain() {
				out = append(out, s.Item.Update.Key)
			}
		}
	}
	return out
}
