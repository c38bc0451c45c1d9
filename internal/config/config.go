// Package config knows every setting of the worker: its name, unit, default and
// bounds stand once, in the table in settings.go, and everything else (the
// environment, the flags of worker run, docs/settings.md) is made from that.
//
// A wrong setting is never replaced by a default: Load refuses all wrong ones
// together. What belongs to AWS (credentials, Region, endpoints) is the SDK's own
// and not here.
package config

import (
	"maps"
	"slices"
	"time"
)

// Config is the settings in force. Durations and sizes are within the bounds of
// the table when they come from Load or Default.
type Config struct {
	QueueURL string // the source queue
	DLQURL   string // empty: the source queue's redrive target

	Concurrency int // UpdateManagedThing calls under way at most
	Pollers     int // ReceiveMessage calls under way at most

	WaitTime          time.Duration // whole seconds
	VisibilityTimeout time.Duration // whole seconds

	MaxHeld      int   // messages
	MaxHeldBytes int64 // bytes of their bodies

	RateStart float64 // calls a second; never above RateMax where that is set
	RateMax   float64 // calls a second; 0: no ceiling

	CallTimeout   time.Duration
	RetryBase     time.Duration
	RetryMax      time.Duration // at least RetryBase
	RetryAttempts int           // counted failures of one update
	MaxReceives   int

	MaxEventAge time.Duration // 0: off

	State           string // StateMemory, or a URL of one of the other kinds; it may hold a password: show StateName
	StateBytes      int64  // what StateMemory takes at most; unused with the other kinds
	DedupTTL        time.Duration
	VersionTTL      time.Duration
	SkipUnchanged   time.Duration // 0: off
	MemberSemantics string        // SemanticsReplace, SemanticsMerge or SemanticsUnknown

	ShutdownTimeout time.Duration // at least WaitTime + 5s

	AdminAddr  string   // host:port; empty: no admin server
	AdminToken string   // secret; empty: none is asked for
	AdminHosts []string // names by which AdminAddr may be asked without a token, besides localhost and IP addresses

	LogLevel  string // debug, info, warn or error
	LogFormat string // json or console

	sources map[string]Source // by name; what is missing is FromDefault
}

// The values of MemberSemantics.
const (
	SemanticsReplace = "replace"
	SemanticsMerge   = "merge"
	SemanticsUnknown = "unknown"
)

// Source is where a setting's value comes from.
type Source string

const (
	FromDefault     Source = "default"
	FromEnvironment Source = "environment"
	FromFlag        Source = "flag"
)

// Load reads every setting: from flags, by the flag's name without its dashes,
// or else from env, by the variable's name, or else the default. White space
// around a value is ignored, and an empty value is the default, but for the
// setting where empty has a meaning of its own.
//
// The error is an *Error that holds every wrong setting. The Config is then
// good only for the settings that the error does not name.
func Load(env func(string) (string, bool), flags map[string]string) (Config, error) {
	c := Config{sources: make(map[string]Source)}
	var faults []Fault
	for _, s := range Settings {
		text, source := s.read(env, flags)
		if text == "" && s.Required {
			faults = append(faults, s.fault(source, text, "it is required: "+s.Allowed))
			continue
		}
		if text == "" && !s.EmptyMeans {
			continue
		}
		if err := s.set(&c, text); err != nil {
			faults = append(faults, s.fault(source, text, err.Error()))
		}
		c.sources[s.Name] = source
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !slices.ContainsFunc(Settings, func(s Setting) bool { return s.Flag() == name }) {
			faults = append(faults, Fault{Name: "--" + name, Source: FromFlag, Rule: "no setting has this flag"})
		}
	}
	c.deriveDefaults()
	faults = append(faults, c.contradictions(faults)...)
	if len(faults) > 0 {
		return c, &Error{Faults: faults}
	}
	return c, nil
}

// Default is every setting's default; QueueURL, which has none, is empty.
func Default() Config {
	c, _ := Load(func(string) (string, bool) { return "", false }, nil)
	return c
}

// Value is one setting in force.
type Value struct {
	Setting Setting
	Text    string // as one would write it; a secret's is "(hidden)"
	Source  Source
}

// InForce lists every setting's value, in the table's order.
func (c Config) InForce() []Value {
	values := make([]Value, 0, len(Settings))
	for _, s := range Settings {
		v := Value{Setting: s, Text: s.show(&c), Source: FromDefault}
		if s.Secret && v.Text != "" {
			v.Text = "(hidden)"
		}
		if source, ok := c.sources[s.Name]; ok {
			v.Source = source
		}
		values = append(values, v)
	}
	return values
}
