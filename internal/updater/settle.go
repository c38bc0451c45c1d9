package updater

import (
	"slices"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
)

// settlement is what becomes of an item that is finished with.
type settlement struct {
	item *backlog.Item
	merge.Settlement
	lostTo telemetry.LostTo // if it is superseded
}

// outcomes separates the items that are finished with, by the thing's record, from the
// rest. lostTo is to what the superseded ones lost.
func (u *Updater) outcomes(items []*backlog.Item, rec thingstate.Record, lostTo telemetry.LostTo) (settled []settlement, rest []*backlog.Item) {
	if rec.Empty() {
		return nil, items // of most things nothing is known
	}
	found := u.merger.Outcomes(waiting(items), rec)
	settled = make([]settlement, 0, len(found))
	rest = make([]*backlog.Item, 0, len(items)-len(found))
	for _, it := range items { // found is in their order
		if n := len(settled); n < len(found) && found[n].Of == &it.Waiting {
			settled = append(settled, settlement{it, found[n], lostTo})
		} else {
			rest = append(rest, it)
		}
	}
	return settled, rest
}

// waiting are the items as the merger knows them.
func waiting(items []*backlog.Item) []*merge.Waiting {
	all := make([]*merge.Waiting, len(items))
	for i, it := range items {
		all[i] = &it.Waiting
	}
	return all
}

// only picks some of the items, which are in the same order.
func only(items []*backlog.Item, some []*merge.Waiting) []*backlog.Item {
	if len(some) == len(items) {
		return items
	}
	picked := make([]*backlog.Item, 0, len(some))
	for _, it := range items {
		if n := len(picked); n < len(some) && some[n] == &it.Waiting {
			picked = append(picked, it)
		}
	}
	return picked
}

// live are the items whose leases are still ours: mostly all of them.
func live(items []*backlog.Item) []*backlog.Item {
	isDead := func(it *backlog.Item) bool { return !it.Claim.Live() }
	if !slices.ContainsFunc(items, isDead) {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), isDead)
}

// keys are the dedup keys to remember: of the updates that took effect, and of those that
// lost to a newer value but would win if they were sent again.
func keys(settled []settlement) []string {
	var out []string
	for _, s := range settled {
		switch s.Outcome {
		case message.Applied, message.Unchanged:
			out = append(out, s.item.Update.Key)
		case message.Superseded, message.Unsure:
			if s.item.Update.NewerIfSentAgain() {
				out = append(out, s.item.Update.Key)
			}
		}
	}
	return out
}
