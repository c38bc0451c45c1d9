// Package thingstate remembers, for each managed thing, what was applied last:
// one record a thing, two conditional writes an API call.
//
// A call is made between the two. Acquire takes the thing's lease and marks the
// values about to be sent as "may or may not be set"; Finish records how the call
// ended and gives the lease back. Memory keeps the records of one process; Shared
// those of several, in a Table that all of them write to. statetest is what every
// one of them must do.
//
// # What is guaranteed, however clocks and pauses are
//
//   - No write to a record is lost and none is made twice, though its request is carried
//     out twice and long after it was given up. Both are conditional on a Holder, drawn
//     at random for each acquisition, and Finish on a number that each Finish raises and
//     Acquire returns. A worker that was paused beyond its lease, and whose thing was
//     taken over, changes nothing (ErrLeaseLost).
//   - A Finish whose answer was lost is known to have been made, though others came
//     since, unless MaxFinished others have finished meanwhile.
//   - What a crash, a pause or a lost answer leaves behind is a mark. Whoever takes
//     the thing next knows that those values may be set, or may yet be, and does not
//     skip them.
//   - A version never goes backwards, and a dedup key that was recorded is known to
//     every worker from the next Acquire on, for as long as it is remembered.
//
// # What holds as long as clocks and pauses are within bounds
//
// Two workers never have the lease of one thing at once, and so never call for it at
// once. In Redis leases run by the server's clock. DynamoDB has none that a condition
// could ask, but each answer has a Date: there leases run by that, which every worker
// knows to about a second, whatever its own clock says. A lease lasts 10 s longer than a
// call may take and an Acquire at most 4 s, so clocks that are 5 s apart would do no harm
// as long as no worker stands still in between. One that has had no answer of DynamoDB
// yet, or whose clock was set a moment ago, goes by its own for one request: if that is
// ahead by more than 5 s, it may take a thing over too early.
//
// A worker that stood still looks at its clock right before it writes a request, and
// makes no call that could outlast its lease.
//
// # What cannot be guaranteed
//
// UpdateManagedThing takes no version, so no lease can stop a request that is on its
// way. A worker that stands still after that look and before the request is written,
// or whose request stands still in the network, can have an older value land on a
// newer one. The worker finds that out when it records the call's end, too late to
// undo it: its Finish returns ErrLeaseLost, a possible stale write, which is logged
// and counted. The next update of that member puts it right.
//
// An Acquire that is carried out after MaxFinished others have finished, or that its
// worker gave up before it was carried out at all, is not told from a new one: its lease
// keeps the thing waiting until it ends, once, and its marks cost a call. (DynamoDB
// refuses a request whose signature is older than 5 minutes.)
//
// A store that loses what it has acknowledged takes the fence with it: a Redis
// without persistence that restarts, or a failover to a replica that lags (its
// replication is asynchronous). Then an update that comes late is not known to be
// late, a duplicate not to be one, and a thing may be held by two workers until the
// older lease ends. DynamoDB acknowledges a write when it is durable.
package thingstate
