package consumer

import "sync"

// workerPool runs functions, each at once, on goroutines that it keeps for the next one: a
// request to SQS needs a deep stack, and growing one costs as much as signing the request.
// Make it with newWorkerPool. One goroutine gives it work and then calls wait.
type workerPool struct {
	idle chan func() // a send succeeds if a goroutine waits for work
	all  sync.WaitGroup
}

func newWorkerPool() *workerPool { return &workerPool{idle: make(chan func())} }

func (p *workerPool) run(f func()) {
	select {
	case p.idle <- f:
	default:
		p.all.Go(func() {
			f()
			for f := range p.idle {
				f()
			}
		})
	}
}

// wait returns when all that was run has ended.
func (p *workerPool) wait() {
	close(p.idle)
	p.all.Wait()
}
