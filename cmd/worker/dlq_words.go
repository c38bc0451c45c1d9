package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/queueurl"
)

// reasonWords say what happened to a letter's message, and what to do.
var reasonWords = map[message.Reason]struct{ what, todo string }{
	message.InvalidMessage:   {"the message breaks the API's own rules; no call was made", "correct the producer; a letter that stays invalid comes back (redrive --dry-run says which)"},
	message.Rejected:         {"the API answered ValidationException to a call that carried this update alone", "see what the API says above; the rules of the API may have changed"},
	message.NotFound:         {"there was no such thing a minute or more after the message was sent", "register the thing, then move the letter back"},
	message.Denied:           {"the API refused this thing while others succeeded", "check the role's policy and the conditions on the thing's tags, then move the letter back"},
	message.Exhausted:        {"the call failed once too often, while those for other things succeeded", "move the letter back when the failure above has passed"},
	message.ReceivedTooOften: {"it was received more often than WORKER_MAX_RECEIVES allows: it may be what kills the worker; its body was not looked into", "find out why the worker died; to try it again, raise WORKER_MAX_RECEIVES first, then move the letter back"},
	mailbox.Foreign:          {"no worker wrote this letter, or it had no room for a Failure", "see which tool or redrive policy put it here"},
}

// where names a place of fault.
func where(in, pointer string) string {
	in, pointer = printable.Line(in), printable.Line(pointer)
	switch {
	case in == "":
		return pointer
	case pointer == "":
		return "inside " + in
	}
	return in + ": " + pointer
}

// placeWords is a place in words, for a sentence.
func placeWords(p mailbox.Place) string {
	words := []string{printable.Line(string(p.Reason))}
	if p.Reason == "" {
		words[0] = string(mailbox.Foreign)
	}
	if p.Code != "" {
		words = append(words, printable.Line(p.Code))
	}
	if p.Pointer != "" {
		words = append(words, "at "+where(p.In, p.Pointer))
	}
	return strings.Join(words, " ")
}

// queueName is the last part of a queue's URL or ARN.
func queueName(s string) string { return printable.Line(queueurl.Name(s)) }

// age is how long ago something was, in its largest unit.
func age(at, now time.Time) string {
	d := max(0, now.Sub(at))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// orDash is a table's cell.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	if text = printable.Line(text); utf8.RuneCountInString(text) > maxCell {
		text = string([]rune(text)[:maxCell-1]) + "…"
	}
	return text
}

const maxCell = 60

// are is a number of things with its verb: "1 letter was", "2 letters were".
func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return printable.Count(n, what) + " were"
}
