// Package status knows how the worker is: what /status, the live page, the terminal, the
// gauges of /metrics and the last line of the log show.
package status

import (
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
)

// Status is what /status shows. Its names are an interface: scripts read them.
type Status struct {
	State   string    `json:"state"`            // starting, receiving, paused, draining
	Reason  string    `json:"reason,omitempty"` // why it is not ready, or paused
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Uptime  float64   `json:"uptime_seconds"`
	// PausedSince is when an operator paused the worker; absent if it is not paused.
	PausedSince *time.Time `json:"paused_since,omitempty"`

	Level string `json:"log_level"`

	Queue           string `json:"queue"`
	DeadLetterQueue string `json:"dead_letter_queue"`

	Messages    MessageStatus  `json:"messages"`
	DeadLetters map[string]int `json:"dead_letters"` // by reason
	Letters     LetterStatus   `json:"letters"`
	Deletes     DeleteStatus   `json:"deletes"`
	Calls       CallStatus     `json:"calls"`
	Pace        PaceStatus     `json:"pace"`
	Circuit     CircuitStatus  `json:"circuit"`
	Backlog     BacklogStatus  `json:"backlog"`
	SQS         SQSStatus      `json:"sqs"`
	Store       StoreStatus    `json:"store"`

	Latency []telemetry.Bucket `json:"-"` // of the calls, since the start
}

// MessageStatus counts messages. Received is the sum of the outcomes and held.
type MessageStatus struct {
	Received      int            `json:"received"`
	ReceivedAgain int            `json:"received_again"` // while held
	Held          int            `json:"held"`
	HeldBytes     int64          `json:"held_bytes"`
	Settling      int            `json:"settling"`
	Merged        int            `json:"merged"`
	Stranded      int            `json:"stranded"`
	Outcomes      map[string]int `json:"outcomes"`
}

// With is how many messages have one of these outcomes.
func (m MessageStatus) With(outcomes ...message.Outcome) (n int) {
	for _, o := range outcomes {
		n += m.Outcomes[string(o)]
	}
	return n
}

// Settled is how many messages are done for good.
func (m MessageStatus) Settled() int { return m.With(message.Outcomes...) - m.With(message.Released) }

// LetterStatus says whether dead letters can be stored.
type LetterStatus struct {
	Unstored int `json:"unstored"` // messages held whose letters could not be stored
	PutOff   int `json:"put_off"`  // messages given back for a while, since there were too many
	// While there are unstored ones: since when, and the code of the last failure.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Code         string     `json:"code,omitempty"`
}

// DeleteStatus says whether settled messages can be deleted.
type DeleteStatus struct {
	Undeleted int `json:"undeleted"` // settled messages held that could not be deleted
	LetGo     int `json:"let_go"`    // messages left in the queue to the end of their lease, since there were too many: deletes or releases failed
	// While there are undeleted ones: since when, and the code of the last failure.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Code         string     `json:"code,omitempty"`
}

// CallStatus counts API calls.
type CallStatus struct {
	InFlight int            `json:"in_flight"`
	ByResult map[string]int `json:"by_result"`
}

// Ended is how many calls have ended.
func (c CallStatus) Ended() (n int) {
	for _, of := range c.ByResult {
		n += of
	}
	return n
}

// Throttled is how many of them were throttled.
func (c CallStatus) Throttled() int { return c.ByResult[string(telemetry.CallThrottled)] }

// Failed is how many were neither granted nor throttled.
func (c CallStatus) Failed() int {
	return c.Ended() - c.Throttled() - c.ByResult[string(telemetry.CallOK)]
}

// PaceStatus is the pace of calls, and how they were spent in the last minute.
type PaceStatus struct {
	Rate            float64 `json:"rate"`              // calls a second
	Utilisation     float64 `json:"utilisation"`       // of the rate, 0 to 1
	ThrottledShare  float64 `json:"throttled_share"`   // of the calls, 0 to 1
	MessagesPerCall float64 `json:"messages_per_call"` // applied or superseded, for each call
	// LookAhead is how many things are worth having in line; absent if merging, or
	// tenants that take turns, make it as many as WORKER_MAX_HELD allows.
	LookAhead *int `json:"look_ahead,omitempty"`
	// DrainSeconds is about how long the calls for all that waits will take; absent
	// while the circuit is open and during a pause. MoreInQueue says that the worker holds as much as it
	// may, or as is worth holding, and does not know what else is in the queue: then
	// only what is held counts.
	DrainSeconds *float64 `json:"drain_seconds,omitempty"`
	MoreInQueue  bool     `json:"more_in_queue"`
	// Queued is about how many messages wait in the queue beside those that are held;
	// absent if that is not known, or was not asked because all there is is held.
	Queued *int `json:"queued,omitempty"`
}

// CircuitStatus says whether calls and receives are held back, and why.
type CircuitStatus struct {
	Open      bool       `json:"open"`
	Why       string     `json:"why,omitempty"` // failing, caller, all_refuse, state
	Code      string     `json:"code,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	NextProbe *time.Time `json:"next_probe,omitempty"` // not before
	Detail    string     `json:"detail,omitempty"`     // why, in words, and the way out
}

// BacklogStatus is what waits.
type BacklogStatus struct {
	Things        int     `json:"things"`
	Items         int     `json:"items"`
	BackingOff    int     `json:"backing_off"`
	NoEvidence    int     `json:"no_evidence"` // things that fail without other traffic to compare with
	OldestSeconds float64 `json:"oldest_seconds"`
}

// SQSStatus counts requests to SQS.
type SQSStatus struct {
	Requests      map[string]int `json:"requests"` // by action
	EmptyReceives int            `json:"empty_receives"`
	PollsOpen     int            `json:"polls_open"`
	PollsCut      int            `json:"polls_cut"`
	// Failing are the actions whose last request failed, by name.
	Failing []FailingStatus `json:"failing,omitempty"`
}

// FailingStatus is an SQS action that fails.
type FailingStatus struct {
	Action string    `json:"action"`
	Code   string    `json:"code"`          // AWS's, or a name of the worker's own
	Who    string    `json:"who,omitempty"` // refused or did not answer: SQS, KMS, STS, …
	Since  time.Time `json:"since"`
	Detail string    `json:"detail"` // what is wrong, and the way out
}

// StoreStatus says where things are remembered, since when, and how fast.
type StoreStatus struct {
	Kind  string    `json:"kind"`  // memory, dynamodb, redis
	Name  string    `json:"name"`  // as WORKER_STATE, without credentials
	Since time.Time `json:"since"` // an update older than the newest applied is recognised back to here
	// DuplicatesSince is how far back a dedup key is known.
	DuplicatesSince time.Time `json:"duplicates_since"`
	// Memory is how full it is; absent if the state is shared.
	Memory *MemoryStatus `json:"memory,omitempty"`

	Acquire OperationStatus `json:"acquire"`
	Finish  OperationStatus `json:"finish"`
	// While operations fail: since when, and the last error.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Error        string     `json:"error,omitempty"`
}

// MemoryStatus is what state in memory holds.
type MemoryStatus struct {
	Things    int    `json:"things"`
	Bytes     int64  `json:"bytes"`
	MaxBytes  int64  `json:"max_bytes"` // WORKER_STATE_BYTES
	Forgotten uint64 `json:"forgotten"` // things that went to make room, before their time
}

// OperationStatus is one operation of the store: how often since the start, and how
// long each of the last 1,000 took, in seconds.
type OperationStatus struct {
	Count  int     `json:"count"`
	Errors int     `json:"errors"`
	P50    float64 `json:"p50_seconds"`
	P99    float64 `json:"p99_seconds"`
	Max    float64 `json:"max_seconds"`
}

// HotThing is a thing that many messages wait for, as the page shows it.
type HotThing struct {
	Thing         string   `json:"thing"`
	Waiting       int      `json:"waiting"`                  // messages
	OldestSeconds *float64 `json:"oldest_seconds,omitempty"` // of those that no turn holds
	State         string   `json:"state"`                    // in line, in its turn, backing off
	Failures      int      `json:"failures"`                 // turns that failed in a row
}
