package admin

import (
	"net/http"
	"strconv"

	"managed-thing-updater/internal/timeline"
)

// Stories are what the worker remembers of messages. Safe for use by many
// goroutines.
type Stories interface {
	// Find tells what happened to the message with this SQS MessageId; false if
	// nothing is remembered of it.
	Find(id string) (timeline.Rendered, bool)
	// Latest lists at most n messages, newest first; with failed, only those that
	// were dead-lettered or lost, or whose last call failed.
	Latest(n int, failed bool) []timeline.Summary
}

// mostMessages is how many messages one answer lists.
const mostMessages = 200

func messages(private func(string, http.HandlerFunc), stories Stories) {
	private("GET /status/messages", func(w http.ResponseWriter, r *http.Request) {
		failed, _ := strconv.ParseBool(r.URL.Query().Get("failed"))
		status(w, stories.Latest(mostMessages, failed))
	})
	private("GET /status/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		told, ok := stories.Find(r.PathValue("id"))
		if !ok {
			text(w, http.StatusNotFound, "nothing is remembered of message "+strconv.Quote(r.PathValue("id"))+
				": the worker knows the messages it holds, and for a while those that it finished; it may never have come here, or to another replica")
			return
		}
		status(w, told)
	})
}
