// Package e2e tests the whole worker from outside: messages are put in a queue,
// and what the API, the queue and the dead-letter queue hold at the end is looked
// at. It holds tests only.
package e2e
