package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"managed-thing-updater/internal/queueurl"
)

// watchSend passes a SendMessage or SendMessageBatch on, and notes the messages
// for the source queue that SQS took: the sums would not add up without them.
func (c *cloud) watchSend(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, answer := passOn(w, r, next)
	var request struct {
		QueueURL    string `json:"QueueUrl"`
		MessageBody string
		Entries     []struct{ ID, MessageBody string }
	}
	var taken struct {
		MessageID  string `json:"MessageId"`
		Successful []struct {
			ID        string
			MessageID string `json:"MessageId"`
		}
	}
	if answer.status != http.StatusOK || json.Unmarshal(body, &request) != nil ||
		json.Unmarshal(answer.body.Bytes(), &taken) != nil || queueurl.Name(request.QueueURL) != queueurl.Name(c.queue) {
		return
	}
	if taken.MessageID != "" {
		c.sent.byHand(taken.MessageID, request.MessageBody)
	}
	for _, s := range taken.Successful {
		for _, e := range request.Entries {
			if e.ID == s.ID {
				c.sent.byHand(s.MessageID, e.MessageBody)
			}
		}
	}
}

// watchDelete passes a DeleteMessage or DeleteMessageBatch on, and notes the letters
// that are taken from the dead-letter queue: only a person does that.
func (c *cloud) watchDelete(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, answer := passOn(w, r, next)
	type entry struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
	var request struct {
		QueueURL      string `json:"QueueUrl"`
		ReceiptHandle string
		Entries       []entry
	}
	var done struct{ Successful []entry }
	if answer.status != http.StatusOK || json.Unmarshal(body, &request) != nil || queueurl.Name(request.QueueURL) != queueurl.Name(c.dlq) {
		return
	}
	if request.ReceiptHandle != "" {
		c.sent.letterTaken(request.ReceiptHandle)
	}
	_ = json.Unmarshal(answer.body.Bytes(), &done) // DeleteMessage answers nothing
	for _, s := range done.Successful {
		for _, e := range request.Entries {
			if e.ID == s.ID {
				c.sent.letterTaken(e.ReceiptHandle)
			}
		}
	}
}

// tee keeps a copy of an answer.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}

// passOn passes a request on and returns its body and what was answered.
func passOn(w http.ResponseWriter, r *http.Request, next http.Handler) (body []byte, answer *tee) {
	answer = &tee{ResponseWriter: w, status: http.StatusOK}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSend))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusRequestEntityTooLarge)
		return nil, answer
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	next.ServeHTTP(answer, r)
	return body, answer
}
