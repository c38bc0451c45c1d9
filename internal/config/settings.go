package config

import (
	"strings"
	"time"
)

// Setting is one row of the table: all there is to know of one setting.
type Setting struct {
	Name    string // of the environment variable
	Default string // as one would write it; empty: none
	// DefaultWords describes a default that depends on something else.
	DefaultWords string
	Doc          string // what it does, what zero and empty mean
	Required     bool
	EmptyMeans   bool // an empty value is a value of its own
	Secret       bool // never shown
	kind
}

// Flag is the name of the setting's flag, without dashes: max-held for
// WORKER_MAX_HELD.
func (s Setting) Flag() string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.Name, prefix)), "_", "-")
}

const prefix = "WORKER_"

const (
	day = 24 * time.Hour

	// sqsMaxWait and sqsMaxVisibility are SQS's own limits (ReceiveMessage's
	// WaitTimeSeconds and VisibilityTimeout).
	sqsMaxWait       = 20 * time.Second
	sqsMaxVisibility = 12 * time.Hour
	// sqsMaxInFlight is how many messages of a queue SQS lets be in flight, about.
	sqsMaxInFlight = 120_000
)

// Settings is the table of every setting, in the order in which a person reads it.
var Settings = []Setting{
	{
		Name: "WORKER_QUEUE_URL", Required: true,
		Doc:  "The source queue, standard or FIFO.",
		kind: queueURL(func(c *Config) *string { return &c.QueueURL }),
	}, {
		Name: "WORKER_DLQ_URL", DefaultWords: "the source queue's redrive target",
		Doc:  "The dead-letter queue. Where it is not set and the source queue has no redrive target, the worker does not start.",
		kind: queueURL(func(c *Config) *string { return &c.DLQURL }),
	}, {
		Name: "WORKER_CONCURRENCY", Default: "64",
		Doc:  "UpdateManagedThing calls under way at most.",
		kind: count(func(c *Config) *int { return &c.Concurrency }, 1, 10_000),
	}, {
		Name: "WORKER_POLLERS", Default: "4",
		Doc:  "ReceiveMessage calls under way at most; one while the queue is empty.",
		kind: count(func(c *Config) *int { return &c.Pollers }, 1, 100),
	}, {
		Name: "WORKER_WAIT_TIME", Default: "20s",
		Doc:  "How long a long poll waits for messages. 0 is a short poll, which costs more requests and may miss messages that are there.",
		kind: wholeSeconds(func(c *Config) *time.Duration { return &c.WaitTime }, 0, sqsMaxWait),
	}, {
		Name: "WORKER_VISIBILITY_TIMEOUT", Default: "2m",
		Doc:  "The first lease of a message; renewed well before it ends for as long as the message is held. It is also how long a message stays hidden after a crash: 30s to 15m is sensible.",
		kind: wholeSeconds(func(c *Config) *time.Duration { return &c.VisibilityTimeout }, time.Second, sqsMaxVisibility),
	}, {
		Name: "WORKER_MAX_HELD", Default: "5000",
		Doc:  "Messages held at most. The more, the more updates of one thing share a call; those held are in flight for the queue. Where no updates share calls and there are no tenants, fewer are held: what is called within a third of the first lease.",
		kind: count(func(c *Config) *int { return &c.MaxHeld }, 10, sqsMaxInFlight),
	}, {
		Name: "WORKER_MAX_HELD_BYTES", Default: "64MiB",
		Doc:  "Bytes of the held messages' bodies and attributes at most. One receive can bring 10 MiB. The process takes 2.5 times as much beside its own 96 MiB: a body is kept as it came and as it was decoded.",
		kind: bytes(func(c *Config) *int64 { return &c.MaxHeldBytes }, 10<<20, 1<<40),
	}, {
		Name: "WORKER_RATE_START", Default: "10",
		Doc:  "Calls a second to start from. The default is the documented quota of account and Region. It is never above `WORKER_RATE_MAX`.",
		kind: rate(func(c *Config) *float64 { return &c.RateStart }, "", 0.1, 100_000),
	}, {
		Name: "WORKER_RATE_MAX", Default: "0",
		Doc:  "Ceiling of the calls a second; the worker finds the real quota below it by itself. 0 is no ceiling.",
		kind: rate(func(c *Config) *float64 { return &c.RateMax }, orZero, 0.1, 100_000),
	}, {
		Name: "WORKER_CALL_TIMEOUT", Default: "10s",
		Doc:  "How long one call may take.",
		kind: duration(func(c *Config) *time.Duration { return &c.CallTimeout }, 100*time.Millisecond, 5*time.Minute),
	}, {
		Name: "WORKER_RETRY_BASE", Default: "200ms",
		Doc:  "The backoff's first wait, before jitter.",
		kind: duration(func(c *Config) *time.Duration { return &c.RetryBase }, time.Millisecond, time.Hour),
	}, {
		Name: "WORKER_RETRY_MAX", Default: "20s",
		Doc:  "The backoff's longest wait; at least `WORKER_RETRY_BASE`.",
		kind: duration(func(c *Config) *time.Duration { return &c.RetryMax }, time.Millisecond, time.Hour),
	}, {
		Name: "WORKER_RETRY_ATTEMPTS", Default: "8",
		Doc:  "Counted failures of one update before it is dead-lettered. Throttles and troubles of the service never count.",
		kind: count(func(c *Config) *int { return &c.RetryAttempts }, 1, 1000),
	}, {
		Name: "WORKER_MAX_RECEIVES", Default: "100",
		Doc:  "A message received more often than this is dead-lettered without a call: it may be what kills the worker. Releases by deployments count too.",
		kind: count(func(c *Config) *int { return &c.MaxReceives }, 1, 100_000),
	}, {
		Name: "WORKER_MAX_EVENT_AGE", Default: "28d",
		Doc:  "An event time that lies further than this before the message was sent is a clock that was never set: the sent time counts instead. 0 is off: every event time is believed.",
		kind: durationOrOff(func(c *Config) *time.Duration { return &c.MaxEventAge }, time.Minute, 3650*day),
	}, {
		Name: "WORKER_STATE", Default: StateMemory,
		Doc:  "Where the records of things live. `memory` is for one replica, and what it knows of versions and duplicates goes with the process. Several replicas share a DynamoDB table, or Redis 7 or Valkey: [state.md](state.md) says which to choose, what it costs and what it guarantees. Set a URL with a password by the variable: a flag can be read by everyone on the machine.",
		kind: stateStore(func(c *Config) *string { return &c.State }),
	}, {
		Name: "WORKER_STATE_BYTES", Default: "64MiB",
		Doc:  "The memory that state in memory takes at most. When it is full, the things that were used longest ago are forgotten. `/status` (`store`) and `worker_state_reach_seconds` say how far back everything is remembered, [sizing.md](sizing.md) how many things it holds. Unused with a shared store.",
		kind: bytes(func(c *Config) *int64 { return &c.StateBytes }, 1<<20, 1<<40),
	}, {
		Name: "WORKER_DEDUP_TTL", Default: "24h",
		Doc:  "How long a dedup key is remembered; of each thing the newest 256 at most. With `memory` the start of the process and `WORKER_STATE_BYTES` bound it as they do `WORKER_VERSION_TTL`.",
		kind: duration(func(c *Config) *time.Duration { return &c.DedupTTL }, time.Minute, 365*day),
	}, {
		Name: "WORKER_VERSION_TTL", DefaultWords: "35d with a shared state, 24h with `memory`",
		Doc:  "How long after its last call a thing's versions are remembered. An older value that arrives within that time is recognised; one that arrives later would be applied over the newer one. With `memory` that reaches back no further than the start of the process, and what `WORKER_STATE_BYTES` holds: how far back it is stands in `/status` and the metrics.",
		kind: duration(func(c *Config) *time.Duration { return &c.VersionTTL }, time.Minute, 3650*day),
	}, {
		Name: "WORKER_SKIP_UNCHANGED", Default: "0",
		Doc:  "Skip a call that would set just what this worker set last, if that was less than this long ago. 0 is off: every call is made.",
		kind: durationOrOff(func(c *Config) *time.Duration { return &c.SkipUnchanged }, time.Second, 365*day),
	}, {
		Name: "WORKER_MEMBER_SEMANTICS", Default: SemanticsUnknown,
		Doc:  "What the API does with MetaData, WiFiSimpleSetupConfiguration and CapabilitySchemas: `replace` them whole, `merge` them by key, or `unknown`: a waiting value supersedes an older one only if it sets every key that the older one sets; otherwise they go out as separate calls, in order.",
		kind: choice(func(c *Config) *string { return &c.MemberSemantics }, SemanticsReplace, SemanticsMerge, SemanticsUnknown),
	}, {
		Name: "WORKER_SHUTDOWN_TIMEOUT", Default: "25s",
		Doc:  "From SIGTERM to exit at most; at least `WORKER_WAIT_TIME` + 5s. Keep it below what the platform allows before it kills (Kubernetes and ECS: 30s by default).",
		kind: duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, shutdownRoom, time.Hour),
	}, {
		Name: "WORKER_ADMIN_ADDR", Default: ":8080", EmptyMeans: true,
		Doc:  "Where health, metrics, status and the live page are served. Empty switches them off.",
		kind: listenAddr(func(c *Config) *string { return &c.AdminAddr }),
	}, {
		Name: "WORKER_ADMIN_TOKEN", DefaultWords: "none", Secret: true,
		Doc:  "Where it is set, everything but health, readiness and metrics asks for it (`Authorization: Bearer …`, or a browser's login), and only then there are `/debug/pprof` and `/control/`: pause, resume, log level. Set it by the variable: a flag can be read by everyone on the machine.",
		kind: token(func(c *Config) *string { return &c.AdminToken }),
	}, {
		Name: "WORKER_ADMIN_HOSTS", DefaultWords: "none",
		Doc:  "Names by which the status and the live page may be asked without a token, separated by spaces: those of a Service, an Ingress or a load balancer. `localhost` and IP addresses always work, and health, readiness and metrics answer to every name. Any other name gets 421: a web page can make its own name lead to the worker (DNS rebinding) and would read the answers. Not needed with `WORKER_ADMIN_TOKEN`.",
		kind: hostNames(func(c *Config) *[]string { return &c.AdminHosts }),
	}, {
		Name: "WORKER_LOG_LEVEL", Default: "info",
		Doc:  "The least level that is logged. SIGHUP switches a running worker to debug, and back.",
		kind: choice(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error"),
	}, {
		Name: "WORKER_LOG_FORMAT", Default: "json",
		Doc:  "`json` for machines, `console` for people: on a terminal with the status below the log.",
		kind: choice(func(c *Config) *string { return &c.LogFormat }, "json", "console"),
	},
}

// read finds the setting's text, and where it comes from. Empty is the default.
func (s Setting) read(env func(string) (string, bool), flags map[string]string) (string, Source) {
	source := FromFlag
	text, ok := flags[s.Flag()]
	if !ok {
		source = FromEnvironment
		text, ok = env(s.Name)
	}
	text = strings.TrimSpace(text)
	if !ok || text == "" && !s.EmptyMeans {
		return s.Default, FromDefault
	}
	return text, source
}
