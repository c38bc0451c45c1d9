// Package queueurl is what the address of an SQS queue says of it without a request.
package queueurl

import "strings"

// Name is the name of the queue at a URL, or of the one that an ARN means.
func Name(urlOrARN string) string { return urlOrARN[strings.LastIndexAny(urlOrARN, "/:")+1:] }

// FIFO reports whether the queue at a URL, or the one that an ARN means, is a FIFO
// queue: SQS has the names of these, and of no others, end in ".fifo".
func FIFO(urlOrARN string) bool { return strings.HasSuffix(urlOrARN, ".fifo") }
