package status

// How many replicas are of use. The quota is one for all; a replica can make no
// more than concurrency / call time calls a second. Each replica has learned its
// own part of the quota, so it says what share of one replica that part keeps
// busy, and the sum over all replicas is how many the whole quota can keep busy,
// whichever of them has which part:
//
//	rate × call time / (busy × concurrency)
//
// At 10 calls a second of 50 ms one replica with 64 calls at once is busy to a
// hundredth: a second one would only share the same 10 calls. A replica that has
// all its calls under way says 1 / busy, more than one, so another one is started;
// if the quota has room for it the two are busy soon, otherwise the sum stays where
// it is. The call time is the average of the last minute with calls.
const (
	// busy is the share of its concurrency above which a replica needs help.
	busy = 0.7
	// mostUseful bounds what one replica says, so that the number of replicas
	// doubles at most, however slow the API has become.
	mostUseful = 2

	usefulHelp = "How many replicas the part of the quota that this one has learned can keep busy: the last minute's rate in calls a second, times the seconds a call takes, divided by 0.7 of WORKER_CONCURRENCY; 2 at most. " +
		"The sum over all replicas, rounded up, is how many replicas are of use; more would only share the same calls. 1 while the circuit is open and before the first call."
)

func (r *Reporter) usefulReplicas() float64 {
	// In an outage it is not known. 1 leaves the number of replicas as it is.
	if r.of.Circuit.State().Open {
		return 1
	}
	lately := r.shares()
	return useful(lately.rate, lately.callSeconds, r.of.Config.Concurrency)
}

func useful(rate, callSeconds float64, concurrency int) float64 {
	if callSeconds <= 0 {
		return 1
	}
	return min(mostUseful, rate*callSeconds/(busy*float64(concurrency)))
}
