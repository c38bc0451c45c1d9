package app

import "time"

// longestWait bounds expectedWait: no message is held for longer.
const longestWait = 12 * time.Hour

// expectedWait is how long a message that joins the line now will wait, from 0 to
// longestWait.
func (w *Worker) expectedWait() time.Duration {
	rate := w.pace.Rate()
	if !(rate > 0) {
		return 0
	}
	seconds := min(float64(w.backlog.Things())/rate, longestWait.Seconds())
	return time.Duration(seconds * float64(time.Second))
}

// enough reports whether the things in line, and the messages that are coming, are
// as many as are worth holding. Things that back off do not count: what failed must
// not keep what is behind it out.
func (w *Worker) enough(coming int) bool {
	worth, bounded := w.worth()
	return bounded && w.backlog.InLine()+coming >= worth
}

// worth is how many things are worth having in line; without bounded, as many as may be
// held.
func (w *Worker) worth() (things int, bounded bool) {
	rate := w.pace.Rate()
	if w.consumer.LeasesEnd() {
		return w.window.WithoutRenewals(rate), true
	}
	return w.window.Worth(rate)
}
