// Worker takes updates of managed things from an Amazon SQS queue and applies
// them through UpdateManagedThing of AWS IoT Managed Integrations.
//
// What an operator can touch:
//
//	worker run         take messages from the queue and apply them, until SIGTERM or SIGINT
//	worker validate    say what is wrong with messages, from files or standard input
//	worker schema      print the JSON Schema of a message, for producers
//	worker config      show the settings in force, and where each came from
//	worker doctor      find what is wrong with queues, permissions and settings
//	worker explain     ask a running worker what happened to a message, and why
//	worker dlq         look at the letters in the dead-letter queue, and move them back
//	worker health      ask a running worker whether it makes progress
//	worker version     say which build this is
//	worker help        name the commands
//
// Settings are environment variables (WORKER_…, see docs/settings.md), each of
// them also a flag of worker run, which wins. Credentials, Region and endpoints
// are the AWS SDK's own settings (AWS_…).
//
// Signals: SIGTERM or SIGINT drains and stops within WORKER_SHUTDOWN_TIMEOUT; a
// second one stops at once. SIGHUP switches the log to debug, and back.
//
// Endpoints on WORKER_ADMIN_ADDR: /healthz, /readyz, /metrics, /status,
// /status/messages, / (the live page), and where WORKER_ADMIN_TOKEN is set, /control/
// and /debug/pprof/.
//
// Output: results on standard output; logs and errors on standard error.
//
// Exit codes: 0 done; 1 it ran and found something wrong; 2 usage or settings.
package main

import (
	"context"
	"os"

	"golang.org/x/term"

	"managed-thing-updater/internal/app"
)

func main() {
	c := cli{
		environ:     os.Environ(),
		stdin:       os.Stdin,
		stdout:      os.Stdout,
		stderr:      os.Stderr,
		exit:        os.Exit,
		outlive:     outliveReaders,
		interactive: term.IsTerminal(int(os.Stdin.Fd())),
		runApp:      app.Run,
		examine:     app.Examine,
		probe:       app.Probe,
		findQueues:  app.OpenQueues,
	}
	signals, hangups, stop := notify()
	c.signals, c.hangups = signals, hangups
	code := c.execute(context.Background(), os.Args[1:])
	stop()
	os.Exit(code)
}
