package timeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
)

// inLine is the shortest wait for a call that the story mentions.
const inLine = 100 * time.Millisecond

// words says what an event was: in a word or two, and in a sentence. before is the time of
// the event before it.
func (s *story) words(e *event, before time.Time) (what, detail string) {
	switch e.kind {
	case received:
		return "received", "received from the queue" + s.howOften(e)
	case receivedAgain:
		return "received again", "the queue handed it out once more while it was held" + nth(e.n)
	case leaseRenewed:
		return "lease renewed", "its lease was renewed" + e.often() + ": the queue keeps it from others for " + length(e.wait) + " more"
	case leaseLost:
		return "lease lost", "its lease ended: the queue may have given it to another worker, so this one let go of it"
	case heldTooLong:
		return "held too long", "it was held for as long as SQS allows"
	case stranded:
		return "stranded", "the worker had to stop before its work was done"
	case stopping:
		return "worker stops", "the worker was told to stop before a call for it began"
	case called:
		return s.callWords(e, before)
	case waits:
		return "waiting", e.waitWords() + e.looked()
	case superseded:
		if e.n == 1 {
			return "superseded", newer(e.took) + " had been applied before it came"
		}
		return "superseded", newer(e.took) + " waited beside it and went out in its place" + requested(e.request)
	case letterFailed:
		return "letter not stored", "the dead-letter queue did not take its letter (" + e.code + ")" + e.often() + "; it is tried again, and the message stays in its queue until then"
	case letterPutOff:
		return "put off", "the dead-letter queue takes no letters (" + e.code + ") and enough wait for it: given back to the queue for " + length(e.wait)
	case letGo:
		return "let go", "the queue takes no deletes or releases (" + e.code + ") and enough wait for it: left to the end of its lease in " + length(e.wait) + ", when it comes again"
	case deleted:
		return "deleted", "deleted from the queue"
	case visible:
		return "visible", "visible in the queue again"
	case unsettled:
		return "not settled", "the queue did not take the delete or release (" + e.code + ")" + e.often() + "; it is tried again"
	case ended:
		outcome := message.Outcomes[e.end]
		return string(outcome), e.endWords(outcome)
	}
	return "unknown", ""
}

func newer(by time.Duration) string {
	if by < time.Millisecond {
		return "a newer value"
	}
	return "a value " + length(by) + " newer"
}

func (s *story) howOften(e *event) string {
	if e.n <= 1 {
		return " for the first time, " + length(time.Unix(0, e.at).Sub(s.sentAt)) + " after it was sent"
	}
	return nth(e.n) + ", " + length(time.Unix(0, e.at).Sub(s.sentAt)) + " after it was sent"
}

func nth(n int32) string { return ", receive number " + strconv.Itoa(int(n)) }

// often says how many events it stands for, if that is more than one.
func (e *event) often() string {
	if e.times == 0 {
		return ""
	}
	return " " + strconv.Itoa(int(e.times)+1) + " times since " + time.Unix(0, e.since).UTC().Format("15:04:05.000")
}

func (e *event) looked() string {
	if e.times == 0 {
		return ""
	}
	return "; looked" + e.often()
}

func (s *story) callWords(e *event, before time.Time) (what, detail string) {
	var b strings.Builder
	b.WriteString("sent to the API" + e.often())
	switch {
	case e.n == 1:
		b.WriteString(", merged with 1 other message for the thing into one call")
	case e.n > 1:
		fmt.Fprintf(&b, ", merged with %d other messages for the thing into one call", e.n)
	}
	if waited := time.Unix(0, e.at).Sub(before) - e.took; e.times == 0 && waited >= inLine {
		b.WriteString(", after " + length(waited) + " in line")
	}
	request, last := requested(e.request), ""
	if e.times > 0 {
		last = "the last "
	}
	switch {
	case e.code == "":
		b.WriteString("; answered 204 after " + length(e.took) + request)
		return "call", b.String()
	case e.why == throttled:
		if last != "" {
			last += "time "
		}
		b.WriteString("; " + last + "the API had taken as many calls as it grants (" + e.code + ")" + request + ": no failure of the message")
		e.next(&b)
		return "throttled", b.String()
	}
	b.WriteString("; " + last + "failed after " + length(e.took) + ": " + e.code)
	if e.text != "" && e.text != e.code {
		b.WriteString(": " + e.text)
	}
	b.WriteString(request)
	switch e.counts {
	case CountsAgainst:
		fmt.Fprintf(&b, "; it counts as attempt %d", e.tries)
	case TroubleOfTheService:
		b.WriteString("; it does not count: calls for other things fail as well")
	case NothingToCompareWith:
		b.WriteString("; it does not count: too few calls for other things to compare with")
	case ThingMayCome:
		b.WriteString("; the thing may be on its way: it is tried for 1m after the message was sent")
	case WhileTheCircuitIsOpen:
		b.WriteString("; it does not count: the circuit is open, the service is in trouble")
	}
	e.next(&b)
	return "call failed", b.String()
}

func requested(id string) string {
	if id == "" {
		return ""
	}
	return " [request " + id + "]"
}

func (e *event) next(b *strings.Builder) {
	if e.wait > 0 {
		b.WriteString("; tried again in " + length(e.wait) + " or later")
	}
}

func (e *event) waitWords() string {
	switch e.why {
	case ForAnother:
		return "another worker is busy with its thing; next look in " + length(e.wait)
	case ForTheStore:
		return "the record of its thing could not be read or locked (" + e.text + "); next try in " + length(e.wait)
	case ToBeSure:
		return "an earlier call whose end is not known may still land on top of this one: the values are sent once more in " + length(e.wait)
	case Apart:
		return "the call with the others was refused: each of them now goes out in a call of its own, so that only the one at fault is dead-lettered"
	case LetterHeldBack:
		return "it is to be dead-lettered (" + e.text + "), but no letter is written while the service is in trouble"
	}
	return "it waits for its turn"
}

func (e *event) endWords(outcome message.Outcome) string {
	switch outcome {
	case message.Applied:
		return "applied: the thing has its values"
	case message.Superseded:
		return "settled without a value of its own: all that it sets has newer values"
	case message.Unsure:
		return "settled without a value of its own: newer values are applied, though they may not set every key that it sets"
	case message.Duplicate:
		return "settled as a duplicate: the same event was applied before"
	case message.Unchanged:
		return "settled without a call: there was nothing to change"
	case message.DeadLettered:
		text := "stored in the dead-letter queue: " + e.code
		if e.text != "" {
			text += ": " + e.text
		}
		return text + requested(e.request)
	case message.Released:
		return "given back to the queue: it comes again"
	}
	return string(outcome)
}
