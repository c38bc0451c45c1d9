// Package glance shows a worker in a terminal, at a glance: a few lines that are
// written anew each second, below the log.
package glance

import (
	"encoding/json"
	"time"
)

// Status is the part of /status that is shown.
type Status struct {
	State   string  `json:"state"`
	Reason  string  `json:"reason"`
	Uptime  float64 `json:"uptime_seconds"`
	Circuit struct {
		Open      bool      `json:"open"`
		Code      string    `json:"code"`
		Detail    string    `json:"detail"`
		Since     time.Time `json:"since"`
		NextProbe time.Time `json:"next_probe"`
	} `json:"circuit"`
	Messages struct {
		Received int            `json:"received"`
		Held     int            `json:"held"`
		Outcomes map[string]int `json:"outcomes"`
	} `json:"messages"`
	DeadLetters map[string]int `json:"dead_letters"`
	Calls       struct {
		ByResult map[string]int `json:"by_result"`
	} `json:"calls"`
	Pace struct {
		Rate            float64  `json:"rate"`
		Utilisation     float64  `json:"utilisation"`
		ThrottledShare  float64  `json:"throttled_share"`
		MessagesPerCall float64  `json:"messages_per_call"`
		DrainSeconds    *float64 `json:"drain_seconds"`
		MoreInQueue     bool     `json:"more_in_queue"`
		Queued          int      `json:"queued"`
	} `json:"pace"`
	Backlog struct {
		Things        int     `json:"things"`
		OldestSeconds float64 `json:"oldest_seconds"`
	} `json:"backlog"`
}

// Of reads a status as /status writes it.
func Of(body []byte) (s Status, err error) {
	err = json.Unmarshal(body, &s)
	return s, err
}

func (s Status) calls() int { return sum(s.Calls.ByResult) }

// settled is how many messages are done for good.
func (s Status) settled() int { return sum(s.Messages.Outcomes) - s.Messages.Outcomes["released"] }

func sum(of map[string]int) (n int) {
	for _, v := range of {
		n += v
	}
	return n
}
