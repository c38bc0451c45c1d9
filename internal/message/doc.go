// Package message turns an SQS message into the update that it asks for, or into
// the list of what is wrong with it. It is pure: bytes and attributes in, values
// out; no clock, no network, no log.
//
// A body is the request of UpdateManagedThing, a JSON object, possibly wrapped:
// unwrap.go peels the wrappings off (one file each, wrapping_*.go), object.go
// and syntax.go hold the JSON grammar to be strict, validate.go checks the
// request against schema.json and faults.go says in words what breaks it.
// identity.go decides the dedup key and the place in the order, from the message
// attributes, the wrappings, and what a worker stamped on a dead letter.
package message
