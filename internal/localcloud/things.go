package localcloud

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Semantics of MetaData, WiFiSimpleSetupConfiguration and CapabilitySchemas.
const (
	Replace = "replace" // a call replaces them whole
	Merge   = "merge"   // a call sets their keys (CapabilitySchemas: by CapabilityId) and keeps the others
)

// Things is the API of managed things. Set the exported fields before the
// first request.
type Things struct {
	AutoCreate bool   // true: every valid identifier exists, until it is removed
	Record     bool   // true: Calls remembers every call; without it only Counts is kept
	Semantics  string // Replace (also when empty) or Merge

	cloud *Cloud

	mu      sync.Mutex
	things  map[string]*thing
	removed map[string]bool
	bucket  bucket
	calls   []*Call
	arrived int            // calls so far
	perID   map[string]int // calls so far, by thing
	applied int            // calls applied so far
	counts  map[string]int
}

type thing struct {
	members          map[string]json.RawMessage
	created, updated time.Time
}

// A Call is one UpdateManagedThing call, refused ones included.
type Call struct {
	At, End   time.Time // arrived; answered or given up, zero while under way
	Thing     string
	Body      string
	Status    int    // 0 while under way and for a broken connection
	Code      string // of the error; "" for none
	Applied   bool
	Seq       int       // 1 for the first call that was applied; 0 if it was not
	AppliedAt time.Time // may be after End, see Fault.ApplyLate
	RequestID string
}

func newThings(c *Cloud) *Things {
	t := &Things{
		AutoCreate: true, Record: true, cloud: c,
		things: map[string]*thing{}, removed: map[string]bool{}, perID: map[string]int{}, counts: map[string]int{},
	}
	t.bucket.set(c.opts.Quota, c.opts.Burst)
	return t
}

// SetQuota changes the API's quota, from now on and with a full bucket: calls
// a second (0 is no limit), and the bucket's size (0 is one second's worth).
func (t *Things) SetQuota(quota, burst float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bucket.set(quota, burst)
}

// Create makes a thing, with the members of all the maps.
func (t *Things) Create(id string, members ...map[string]json.RawMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.removed, id)
	th := t.thing(id)
	for _, m := range members {
		maps.Copy(th.members, m)
	}
}

// Remove makes calls for the thing fail with ResourceNotFoundException, also
// with AutoCreate.
func (t *Things) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.things, id)
	t.removed[id] = true
}

// Get returns what a thing's members were last set to, byte for byte, and
// false for a thing that was neither created nor updated.
func (t *Things) Get(id string) (map[string]json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	th, ok := t.things[id]
	if !ok {
		return nil, false
	}
	return maps.Clone(th.members), true
}

// IDs returns the identifiers of all things that were created or updated.
func (t *Things) IDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.things))
}

// Calls returns every call so far, in the order of arrival.
func (t *Things) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := make([]Call, len(t.calls))
	for i, c := range t.calls {
		calls[i] = *c
	}
	return calls
}

// Counts returns the calls that have ended, by status ("204") or error code
// ("ThrottlingException"); broken connections are "broken".
func (t *Things) Counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// arrive records a call, and returns its number over all things and among
// those of its thing.
func (t *Things) arrive(call *Call) (n, nthOfThing int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Record {
		t.calls = append(t.calls, call)
	}
	t.arrived++
	t.perID[call.Thing]++
	return t.arrived, t.perID[call.Thing]
}

// end records a call's answer; status 0 is a broken connection.
func (t *Things) end(call *Call, status int, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	call.End, call.Status, call.Code = time.Now(), status, code
	switch {
	case status == 0:
		t.counts["broken"]++
	case code != "":
		t.counts[code]++
	default:
		t.counts[strconv.Itoa(status)]++
	}
}

// takeToken reports whether the quota has room for a call.
func (t *Things) takeToken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bucket.take(time.Now())
}

// apply sets the thing's members and returns nil, or why not.
func (t *Things) apply(call *Call) *apiError {
	members, faults := checkRequest(call.Thing, []byte(call.Body))
	if len(faults) > 0 {
		return validationError(faults)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.exists(call.Thing) {
		return notFound(call.Thing)
	}
	th := t.thing(call.Thing)
	for name, value := range members {
		th.members[name] = t.combine(name, th.members[name], json.RawMessage(value))
	}
	th.updated = time.Now()
	t.applied++
	call.Applied, call.Seq, call.AppliedAt = true, t.applied, th.updated
	return nil
}

// exists is called with the mutex held.
func (t *Things) exists(id string) bool {
	return t.things[id] != nil || t.AutoCreate && !t.removed[id]
}

// thing is called with the mutex held.
func (t *Things) thing(id string) *thing {
	th := t.things[id]
	if th == nil {
		now := time.Now()
		th = &thing{members: map[string]json.RawMessage{}, created: now, updated: now}
		t.things[id] = th
	}
	return th
}

// combine returns a member's new value. Under Merge the three members that
// have keys are written anew, with the values inside kept byte for byte.
func (t *Things) combine(name string, old, value json.RawMessage) json.RawMessage {
	if t.Semantics != Merge || old == nil {
		return value
	}
	switch name {
	case "MetaData", "WiFiSimpleSetupConfiguration":
		merged := map[string]json.RawMessage{}
		mustUnmarshal(old, &merged)
		mustUnmarshal(value, &merged)
		return mustMarshal(merged)
	case "CapabilitySchemas":
		var before, after []json.RawMessage
		mustUnmarshal(old, &before)
		mustUnmarshal(value, &after)
		set := map[string]bool{}
		for _, s := range after {
			set[capabilityID(s)] = true
		}
		kept := slices.DeleteFunc(before, func(s json.RawMessage) bool { return set[capabilityID(s)] })
		return mustMarshal(append(kept, after...))
	default:
		return value
	}
}

func capabilityID(schema json.RawMessage) string {
	var s struct{ CapabilityId string }
	mustUnmarshal(schema, &s)
	return s.CapabilityId
}
