package pace

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func inBubble(t *testing.T, f func(t *testing.T, c *Circuit, changes *[]State)) {
	synctest.Test(t, func(t *testing.T) {
		var changes []State
		f(t, NewCircuit(10*time.Second, func(s State) { changes = append(changes, s) }), &changes)
	})
}

func TestTheCircuitOpensOnFailuresOfThreeDifferentThings(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, changes *[]State) {
		for range 100 {
			c.Ended("a", Failing, "InternalServerException")
		}
		c.Ended("b", Failing, "InternalServerException")
		if c.State().Open {
			t.Fatal("open after failures of two things")
		}
		c.Ended("c", Succeeded, "")
		c.Ended("d", Failing, "timeout")
		c.Ended("e", Failing, "timeout")
		c.Ended("e", Alive, "ThrottlingException")
		if c.State().Open {
			t.Fatal("open although a success came between")
		}
		c.Ended("f", Failing, "timeout")
		if s := c.State(); !s.Open || s.Why != OpenFailing || s.Code != "timeout" {
			t.Fatalf("state %+v after failures of three things", s)
		}
		if len(*changes) != 1 {
			t.Errorf("told %d times", len(*changes))
		}
	})
}

func TestTheCircuitOpensAtOnceWhereTheCallerIsInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, _ *[]State) {
		c.Ended("a", CallerRefused, "ExpiredTokenException")
		if s := c.State(); !s.Open || s.Why != OpenCaller {
			t.Errorf("state %+v", s)
		}
	})
}

func TestWhatProvesTheAPIAliveClosesTheCircuit(t *testing.T) {
	for _, e := range []Ending{Succeeded, Alive, Refused} {
		inBubble(t, func(t *testing.T, c *Circuit, changes *[]State) {
			c.Ended("a", CallerRefused, "ExpiredTokenException")
			time.Sleep(90 * time.Second)
			c.Ended("b", Failing, "timeout")
			c.Ended("b", e, "")
			if c.State().Open {
				t.Errorf("still open after ending %d", e)
			}
			if last := (*changes)[len(*changes)-1]; last.Open || last.For != 90*time.Second {
				t.Errorf("told of the closing: %+v", last)
			}
		})
	}
}

func TestEverythingRefusedOpensTheCircuitAndOnlyASuccessClosesIt(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, _ *[]State) {
		for n := range 19 {
			c.Ended(fmt.Sprint(n), Refused, "ResourceNotFoundException")
			c.Ended(fmt.Sprint(n), Refused, "ResourceNotFoundException")
		}
		if c.State().Open {
			t.Fatal("open after 19 things")
		}
		c.Ended("19", Refused, "ResourceNotFoundException")
		if s := c.State(); !s.Open || s.Why != OpenAllRefuse {
			t.Fatalf("state %+v after 20 things", s)
		}
		c.Ended("20", Refused, "ResourceNotFoundException")
		c.Ended("21", Alive, "ThrottlingException")
		if !c.State().Open {
			t.Error("closed by less than a success")
		}
		c.Ended("22", Succeeded, "")
		if c.State().Open {
			t.Error("open after a success")
		}
	})
}

func TestRefusalsAreBelievedForTenMinutesAfterASuccess(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, _ *[]State) {
		c.Ended("good", Succeeded, "")
		for n := range 40 {
			c.Ended(fmt.Sprint(n), Refused, "ValidationException")
		}
		if c.State().Open {
			t.Fatal("open although a call succeeded just now")
		}
		time.Sleep(10 * time.Minute)
		c.Ended("40", Refused, "ValidationException")
		if !c.State().Open {
			t.Error("closed though nothing succeeded for ten minutes")
		}
		c.Resume()
		if c.State().Open {
			t.Error("open after the operator's word")
		}
	})
}

func TestProbesAreSingleAndTakeLongerEachTime(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, _ *[]State) {
		if _, _, ok := c.TakeProbe(); ok {
			t.Fatal("a probe through a closed circuit")
		}
		c.Ended("a", CallerRefused, "")
		var last time.Duration
		for n := range 60 {
			_, wait, ok := c.TakeProbe()
			for !ok {
				time.Sleep(wait)
				_, wait, ok = c.TakeProbe()
			}
			if _, _, second := c.TakeProbe(); second {
				t.Fatal("two probes at once")
			}
			c.ProbeDone()
			if n == 0 && time.Since(c.State().Since) != probeEvery {
				t.Errorf("first probe after %v", time.Since(c.State().Since))
			}
			last = c.probeFor
		}
		if took := time.Since(c.State().Since); took != 60*probeEvery {
			t.Errorf("60 probes in %v", took)
		}
		if last != 10*time.Second {
			t.Errorf("the last probe may take %v, want the call's timeout", last)
		}
	})
}

// What the store's silence opened is closed by the store's answer alone: calls
// that were under way when it went still end well.
func TestTheStoreOpensAndClosesItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Circuit, changes *[]State) {
		c.StateAnswered("a", false)
		c.StateAnswered("b", false)
		c.StateAnswered("x", true)
		c.StateAnswered("c", false)
		c.StateAnswered("c", false)
		c.StateAnswered("d", false)
		if c.State().Open {
			t.Fatal("open although the store answered in between")
		}
		c.StateAnswered("e", false)
		if s := c.State(); !s.Open || s.Why != OpenState {
			t.Fatalf("state %+v", s)
		}
		for _, e := range []Ending{Succeeded, Alive, Refused} {
			c.Ended("f", e, "")
		}
		if !c.State().Open {
			t.Fatal("closed by a call that was under way")
		}
		time.Sleep(30 * time.Second)
		if _, _, ok := c.TakeProbe(); !ok {
			t.Error("no probe")
		}
		c.StateAnswered("a", true)
		if c.State().Open {
			t.Error("still open")
		}
		if len(*changes) != 2 || (*changes)[1].Why != OpenState || (*changes)[1].For != 30*time.Second {
			t.Errorf("told %+v", *changes)
		}
	})
}
