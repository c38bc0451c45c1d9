package status

import (
	"go.uber.org/zap"

	"managed-thing-updater/internal/message"
)

// Sums are those of the last line of a run, by the names of its fields: what went in and
// what became of it.
type Sums struct {
	Received         int            `json:"received"`
	Applied          int            `json:"applied"`
	Superseded       int            `json:"superseded"`
	SupersededUnsure int            `json:"superseded_unsure"`
	Duplicate        int            `json:"duplicate"`
	Unchanged        int            `json:"unchanged"`
	DeadLettered     int            `json:"dead_lettered"`
	Released         int            `json:"released"`
	Merged           int            `json:"merged"`
	Calls            int            `json:"calls"`
	Throttled        int            `json:"throttled"`
	DeadLetters      map[string]int `json:"dead_letters"`
	PollsCut         int            `json:"polls_cut"`
	Stranded         int            `json:"stranded"`
}

// Sums are those of a status.
func (s *Status) Sums() Sums {
	of := s.Messages.With
	return Sums{
		Received: s.Messages.Received, Applied: of(message.Applied),
		Superseded: of(message.Superseded), SupersededUnsure: of(message.Unsure),
		Duplicate: of(message.Duplicate), Unchanged: of(message.Unchanged),
		DeadLettered: of(message.DeadLettered), Released: of(message.Released),
		Merged: s.Messages.Merged, Calls: s.Calls.Ended(), Throttled: s.Calls.Throttled(),
		DeadLetters: s.DeadLetters, PollsCut: s.SQS.PollsCut, Stranded: s.Messages.Stranded,
	}
}

// Settled is how many messages are done for good.
func (s Sums) Settled() int {
	return s.Applied + s.Superseded + s.SupersededUnsure + s.Duplicate + s.Unchanged + s.DeadLettered
}

// Fields are the sums in the log.
func (s Sums) Fields() []zap.Field {
	return []zap.Field{
		zap.Int("received", s.Received), zap.Int("applied", s.Applied),
		zap.Int("superseded", s.Superseded), zap.Int("superseded_unsure", s.SupersededUnsure),
		zap.Int("duplicate", s.Duplicate), zap.Int("unchanged", s.Unchanged),
		zap.Int("dead_lettered", s.DeadLettered), zap.Int("released", s.Released),
		zap.Int("merged", s.Merged), zap.Int("calls", s.Calls), zap.Int("throttled", s.Throttled),
		zap.Any("dead_letters", s.DeadLetters), zap.Int("polls_cut", s.PollsCut), zap.Int("stranded", s.Stranded),
	}
}
