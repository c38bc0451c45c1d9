package main

import (
	"time"

	"managed-thing-updater/internal/glance"
)

// status is the part of the worker's /status that the demo shows.
type status struct {
	all      glance.Status // what a terminal shows
	State    string        `json:"state"`
	Messages struct {
		Held     int            `json:"held"`
		Outcomes map[string]int `json:"outcomes"`
	} `json:"messages"`
	Calls struct {
		ByResult map[string]int `json:"by_result"`
	} `json:"calls"`
	Pace struct {
		Rate            float64  `json:"rate"`
		Utilisation     float64  `json:"utilisation"`
		ThrottledShare  float64  `json:"throttled_share"`
		MessagesPerCall float64  `json:"messages_per_call"`
		DrainSeconds    *float64 `json:"drain_seconds"`
		MoreInQueue     bool     `json:"more_in_queue"`
	} `json:"pace"`
	Backlog struct {
		Things        int     `json:"things"`
		OldestSeconds float64 `json:"oldest_seconds"`
	} `json:"backlog"`
}

func (s status) calls() (n int) {
	for _, of := range s.Calls.ByResult {
		n += of
	}
	return n
}

// longestDrain is the longest time that is shown.
const longestDrain = 999 * time.Hour

// drain is about how long the calls for all that waits will take: 0:42, 0:42+ where
// only what is held counts and the queue may have more, - where nobody knows.
func (s status) drain() string {
	if s.Pace.DrainSeconds == nil {
		return "-"
	}
	seconds := min(*s.Pace.DrainSeconds, longestDrain.Seconds())
	text := clock(time.Duration(seconds * float64(time.Second)))
	if s.Pace.MoreInQueue {
		text += "+"
	}
	return text
}
