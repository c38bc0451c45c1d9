// Package localcloud is SQS and UpdateManagedThing in memory, spoken over
// their real protocols, for development and for tests of the whole worker. It
// is no part of the worker's image.
//
// One http.Handler serves both services and a control page; [Cloud.Transport]
// serves the same without a socket, so that the real clients run in a
// testing/synctest bubble. All times come from package time and are virtual
// there; the package starts no goroutine that outlives a request.
//
// What it is strict about, where the real services are not known to be:
//   - the API refuses members it does not have, an Identifier in the body,
//     duplicate keys, and null below the top level;
//   - the API quotes offending values back in its error texts, those of
//     sensitive members included, so that a log of them is found out.
//
// What is random is drawn from the seed, the kind of event, and what it
// happens to (the n-th call for a thing, the n-th receive of a message), never
// from the order in which concurrent requests arrive: a run with the same
// traffic has the same faults.
//
// What it does not do: the query protocol of SQS, message move tasks, policies
// and encryption (accepted, without effect), sampling of short polls, and the
// eventual consistency of queue attributes.
package localcloud
