package quota

import "slices"

// course is a situation in which calls are scarce, and what must come of it.
type course struct {
	name   string
	quick  bool    // cheap enough for every run of the tests
	quota  float64 // calls a second
	play   func(*run) figures
	bounds []bound
}

// Figures of many courses.
const (
	utilised  = "utilisation"
	throttled = "throttled"
	lettered  = "dead letters"
	received  = "receives of any message, most"

	newest      = "newest applied after, s"
	wrong       = "wrong at the end"
	perCall     = "messages a call"
	single      = "longest wait of a single, of a hot one's"
	usualSingle = "usual wait of a single, of a hot one's"
)

var (
	noLetters    = bound{lettered, 0, 0, false}
	receivedOnce = bound{received, 1, 1, false}
	wellUsed     = bound{utilised, 0.97, 1.001, true}
	usualWait    = bound{usualSingle, 0, 1.05, true}
)

// allCourses are those of the table, in its order.
func allCourses() []course {
	return slices.Concat(steadyCourses, hotCourses, outageCourses(), brownOutCourses, sickCourses)
}

var steadyCourses = []course{
	{"10 a second", true, 10, minute(10), []bound{wellUsed, {throttled, 0, 0.03, true}, noLetters, receivedOnce}},
	{"100 a second", false, 100, minute(100), []bound{wellUsed, {throttled, 0, 0.03, true}, noLetters, receivedOnce}},
	{"1000 a second", false, 1000, minute(1000), []bound{
		{utilised, 0.93, 1.001, true},
		{"from second 5 on", 0.97, 1.001, true},
		{throttled, 0, never, true},
		noLetters, receivedOnce,
	}},
	{"100, 30, 300 a second, a minute each", false, 100, changing, []bound{
		{"seconds 10 to 20 at 30/s", 0.95, 1.05, true},
		{"seconds 10 to 20 at 300/s", 0.95, 1.05, true},
		{throttled, 0, 0.05, true},
		noLetters, receivedOnce,
	}},
	{"3 replicas, 30 a second", false, 30, replicas, []bound{
		{utilised, 0.95, 1.001, true},
		{throttled, 0, 0.05, true},
		{"Jain's fairness", 0.95, 1, false},
		noLetters, receivedOnce,
	}},
	{"half of 10 a second is another's", true, 10, halfTaken, []bound{
		{"of what is left", 0.97, never, true},
		{throttled, 0, 0.05, true},
		{"the other's calls let through", 0, never, true},
		noLetters, receivedOnce,
	}},
}

var hotCourses = []course{
	{"200 hot things, fed 200 a second", false, 10, hotFed, []bound{
		{newest, 0, 40, false},
		{perCall, 10, never, false},
		{wrong, 0, 0, false},
		{single, 0, 1, true},
		usualWait,
		{throttled, 0, never, true},
		noLetters, receivedOnce,
	}},
	{"200 hot things, 20000 messages ready", false, 10, hotReady, []bound{
		{newest, 0, 60, false},
		{perCall, 10, never, false},
		{wrong, 0, 0, false},
		{single, 0, 1, true},
		usualWait,
		{throttled, 0, never, true},
		noLetters, receivedOnce,
	}},
}

func outageCourses() []course {
	var out []course
	for _, o := range outages {
		out = append(out, course{"60 s of " + o.name, true, 10, o.play, []bound{
			{"failure that opens the circuit after, s", 0, o.opens.Seconds(), false},
			{"receives begun 2 s after that, or later", 0, 0, false},
			{"calls begun in a second while open, most", 1, 1, false},
			{"first success after its end, s", 0, o.resumes.Seconds(), false},
			{received, 1, 2, false},
			{"drained at, of the quota", 0.93, 1.001, true},
			noLetters,
		}})
	}
	return out
}

var brownOutCourses = []course{
	{"50% of calls answer 503 for 5 min", true, 10, brownOut(0.5), brownOutBounds},
	{"80% of calls answer 503 for 5 min", true, 10, brownOut(0.8), brownOutBounds},
}

var brownOutBounds = []bound{
	{"useful, of what the service allows", 0.9, never, true},
	{"calls a second", 0, never, false},
	noLetters,
}

var sickCourses = []course{
	{"every thing answers 404", true, 10, allMissing, []bound{
		{lettered, 0, 20, false},
		{"circuit says so", 1, 1, false},
		{"calls begun in a second while open, most", 1, 1, false},
		{"applied or lettered once it is right", 1, 1, true},
	}},
	{"at night the only thing answers 500", true, 10, atNight, []bound{
		{"its calls in the last 10 minutes", 20, never, false},
		{"shown as without evidence", 1, 1, false},
		{"next healthy one applied after, s", 0, 1, false},
		noLetters,
	}},
	{"one thing answers 500 among healthy ones", true, 10, oneSick, []bound{
		{"its letters, exhausted", 1, 1, false},
		{"its counted attempts", 8, never, false},
		{"its calls span, s", 120, never, false},
		{"other letters", 0, 0, false},
		{"longest wait of a healthy one, s", 0, 1, false},
	}},
}
