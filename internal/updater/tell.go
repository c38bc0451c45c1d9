package updater

import (
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/timeline"
)

func tellAgain(carried []*backlog.Item, next backlog.Next) {
	for _, it := range carried {
		it.Again(next.Delay)
	}
}

func tellWait(items []*backlog.Item, why timeline.Why, d time.Duration, text string) {
	for _, it := range items {
		it.Waits(why, d, text)
	}
}
