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
