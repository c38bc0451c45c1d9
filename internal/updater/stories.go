package updater

import (
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// What the updates' stories are told of a turn.

func tellCall(carried []*backlog.Item, f failure, took time.Duration) {
	for _, it := range carried {
		it.Story.Called(timeline.Call{
			Others: len(carried) - 1, Took: took, Throttled: f.fault == quota,
			Code: f.code, Detail: f.detail, RequestID: f.requestID,
		})
	}
}

func tellAgain(carried []*backlog.Item, next backlog.Next) {
	for _, it := range carried {
		it.Story.Again(next.Delay)
	}
}

func tellWait(items []*backlog.Item, why timeline.Why, d time.Duration, text string) {
	for _, it := range items {
		it.Story.Waits(why, d, text)
	}
}

var countings = map[telemetry.Counting]timeline.Counting{
	telemetry.Counted:    timeline.CountsAgainst,
	telemetry.Trouble:    timeline.TroubleOfTheService,
	telemetry.NoEvidence: timeline.NothingToCompareWith,
}

// trace begins the span of a call that stands for these updates.
func (u *Updater) trace(thing string, items []*backlog.Item) *telemetry.Request {
	if u.o.Traces == nil {
		return nil
	}
	traces := make([]*telemetry.MessageTrace, 0, len(items))
	for _, it := range items {
		if it.Trace != nil {
			traces = append(traces, it.Trace)
		}
	}
	return u.o.Traces.Call(thing, traces)
}
