package consumer

import "sync"

// crew runs functions, each at once, on goroutines that stay for the next one: a
// request to SQS needs a deep stack, and growing one costs as much as signing it.
// Make it with newCrew; one goroutine gives it work and then calls wait.
type crew struct {
	idle chan func() // a send goes through where a goroutine waits for work
	all  sync.WaitGroup
}

func newCrew() *crew { return &crew{idle: make(chan func())} }

func (c *crew) run(f func()) {
	select {
	case c.idle <- f:
	default:
		c.all.Go(func() {
			f()
			for f := range c.idle {
				f()
			}
		})
	}
}

// wait returns when all that was run has ended.
func (c *crew) wait() {
	close(c.idle)
	c.all.Wait()
}
