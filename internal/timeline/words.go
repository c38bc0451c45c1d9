package timeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
)

// inLine: a shorter wait for a call is not mentioned in the story.
const inLine = 100 * time.Millisecond

// wording is what an event was, in a word or two and in a sentence, in which {often},
// {wait} and so on stand for what the event says.
type wording struct{ what, detail string }

var wordings = map[kind]wording{
	received:      {"received", "received from the queue{number}, {age} after it was sent"},
	receivedAgain: {"received again", "the queue handed it out once more while it was held{number}"},
	leaseRenewed:  {"lease renewed", "its lease was renewed{often}: the queue keeps it from others for {wait} more"},
	leaseLost:     {"lease lost", "its lease ended: the queue may have given it to another worker, so this one let go of it"},
	heldTooLong:   {"held too long", "it was held for as long as SQS allows"},
	stranded:      {"stranded", "the worker had to stop before its work was done"},
	stopping:      {"worker stops", "the worker was told to stop before a call for it began"},
	superseded:    {"superseded", "{newer} waited beside it and went out in its place{request}"},
	letterFailed:  {"letter not stored", "the dead-letter queue did not take its letter ({code}){often}; it is tried again, and the message stays in its queue until then"},
	letterPutOff:  {"put off", "the dead-letter queue takes no letters ({code}) and enough wait for it: given back to the queue for {wait}"},
	letGo:         {"let go", "the queue takes no deletes or releases ({code}) and enough wait for it: left to the end of its lease in {wait}, when it comes again"},
	deleted:       {"deleted", "deleted from the queue"},
	visible:       {"visible", "visible in the queue again"},
	unsettled:     {"not settled", "the queue did not take the delete or release ({code}){often}; it is tried again"},
}

// waitings are the details of the kind waits.
var waitings = map[Why]string{
	ForItsTurn:     "it waits for its turn",
	ForAnother:     "another worker is busy with its thing; next look in {wait}",
	ForTheStore:    "the record of its thing could not be read or locked ({text}); next try in {wait}",
	ToBeSure:       "an earlier call whose end is not known may still land on top of this one: the values are sent once more in {wait}",
	Apart:          "the call with the others was refused: each of them now goes out in a call of its own, so that only the one at fault is dead-lettered",
	LetterHeldBack: "it is to be dead-lettered ({text}), but no letter is written while the service is in trouble",
}

// endings are the details of the kind ended.
var endings = map[message.Outcome]string{
	message.Applied:      "applied: the thing has its values",
	message.Superseded:   "settled without a value of its own: all that it sets has newer values",
	message.Unsure:       "settled without a value of its own: newer values are applied, though they may not set every key that it sets",
	message.Duplicate:    "settled as a duplicate: the same event was applied before",
	message.Unchanged:    "settled without a call: there was nothing to change",
	message.DeadLettered: "stored in the dead-letter queue: {code}{detail}{request}",
	message.Released:     "given back to the queue: it comes again",
}

// countingWords say what a failed call counts for.
var countingWords = map[Counting]string{
	CountsAgainst:         "; it counts as attempt {tries}",
	TroubleOfTheService:   "; it does not count: calls for other things fail as well",
	NothingToCompareWith:  "; it does not count: too few calls for other things to compare with",
	ThingMayCome:          "; the thing may be on its way: it is tried for 1m after the message was sent",
	WhileTheCircuitIsOpen: "; it does not count: the circuit is open, the service is in trouble",
}

// words says what an event was. before is the time of the event before it.
func (s *story) words(e *event, before time.Time) (what, detail string) {
	w := wordings[e.kind]
	switch e.kind {
	case called:
		w = e.callWording(before)
	case waits:
		w = wording{"waiting", waitings[e.why]}
		if e.times > 0 {
			w.detail += "; looked{often}"
		}
	case superseded:
		if e.n == 1 {
			w.detail = "{newer} had been applied before it came"
		}
	case ended:
		outcome := message.Outcomes[e.end]
		w = wording{string(outcome), endings[outcome]}
	}
	return w.what, s.filled(w.detail, e)
}

// callWording is the wording of the kind called.
func (e *event) callWording(before time.Time) wording {
	text := "sent to the API{often}"
	if e.n > 0 {
		text += ", merged with " + printable.Count(int(e.n), "other message") + " for the thing into one call"
	}
	if waited := time.Unix(0, e.at).Sub(before) - e.took; e.times == 0 && waited >= inLine {
		text += ", after " + length(waited) + " in line"
	}
	last, next := "", ""
	if e.times > 0 {
		last = "the last "
	}
	if e.wait > 0 {
		next = "; tried again in {wait} or later"
	}
	switch {
	case e.code == "":
		return wording{"call", text + "; answered 204 after {took}{request}"}
	case e.why == throttled:
		if last != "" {
			last += "time "
		}
		return wording{"throttled", text + "; " + last + "the API had taken as many calls as it grants ({code}){request}: no failure of the message" + next}
	}
	return wording{"call failed", text + "; " + last + "failed after {took}: {code}{detail}{request}" + countingWords[e.counts] + next}
}

// filled puts what an event says into the text of a wording.
func (s *story) filled(text string, e *event) string {
	number, newer := fmt.Sprintf(", receive number %d", e.n), "a newer value"
	if e.n <= 1 && e.kind == received {
		number = " for the first time"
	}
	if e.took >= time.Millisecond {
		newer = "a value " + length(e.took) + " newer"
	}
	var often, detail, request string
	if e.times > 0 {
		often = fmt.Sprintf(" %d times since %s", e.times+1, time.Unix(0, e.since).UTC().Format("15:04:05.000"))
	}
	if e.text != "" && e.text != e.code {
		detail = ": " + e.text
	}
	if e.request != "" {
		request = " [request " + e.request + "]"
	}
	return strings.NewReplacer(
		"{number}", number,
		"{age}", length(time.Unix(0, e.at).Sub(s.sentAt)),
		"{often}", often,
		"{newer}", newer,
		"{took}", length(e.took),
		"{wait}", length(e.wait),
		"{tries}", strconv.Itoa(int(e.tries)),
		"{code}", e.code,
		"{text}", e.text,
		"{detail}", detail,
		"{request}", request,
	).Replace(text)
}
