package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/retry"
)

// ThingAPI is what a probe needs of the API: managedthings.Client.
type ThingAPI interface {
	GetManagedThing(ctx context.Context, identifier string) (managedthings.Thing, error)
	UpdateManagedThing(ctx context.Context, in managedthings.Input) (managedthings.Output, error)
}

// ProbeOptions of Probe.
type ProbeOptions struct {
	Thing       string // its Identifier; nothing else should write to it meanwhile
	Region      string // for the command that puts values back by hand
	CallTimeout time.Duration
	// Confirm is asked before the thing is changed, with what will be done and the
	// command that undoes it. False: nothing is done.
	Confirm func(plan string) bool
	Say     func(text string) // what goes on, for who waits
}

// What Probe ends with when it found nothing out.
var (
	ErrNotConfirmed = errors.New("not confirmed: nothing was changed")
	errUnclear      = errors.New("the API neither kept all the other keys nor took all away; something else may write to this thing: the safe choice is WORKER_MEMBER_SEMANTICS=unknown")
)

// LeftError says that a probe could not put the old values back.
type LeftError struct {
	Thing, Command string // the command puts them back
	Err            error
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("the MetaData of thing %s could not be put back as it was (%v): one of its values may be a probe's, and others may be missing; put them back by: %s", e.Thing, e.Err, e.Command)
}

func (e *LeftError) Unwrap() error { return e.Err }

const (
	probePatience  = 30 * time.Second // for one step of a probe
	probeKeys      = 2                // of MetaData, at least: one to set, and one to be kept or not
	metaDataMember = "MetaData"
)

// Probe finds out whether the API merges MetaData by key or replaces it whole:
// config.SemanticsMerge or config.SemanticsReplace. It sets one of the thing's own
// keys alone, to a value that nobody else writes, reads what became of the others,
// and puts the old values back; also when ctx ends, or something fails. No key is
// added, since the API may have no way to take one away.
//
// A crash leaves that one value changed, and the other keys away where the API
// replaces: Confirm's plan has the command to put them back. A *LeftError says the
// same of a failure.
func Probe(ctx context.Context, api ThingAPI, o ProbeOptions) (semantics string, err error) {
	p := &probe{api: api, o: o}
	thing, err := p.get(ctx, func(managedthings.Thing) bool { return true })
	if err != nil {
		return "", err
	}
	p.old = thing.MetaData
	if len(p.old) < probeKeys {
		return "", fmt.Errorf("the MetaData of thing %s has %s, and it takes %d to see the difference; make some: %s",
			o.Thing, printable.Count(len(p.old), "key"), probeKeys, p.command(map[string]string{"probe-a": "1", "probe-b": "2"}))
	}
	key := slices.Min(slices.Collect(maps.Keys(p.old)))
	if !o.Confirm(fmt.Sprintf(`One key of the MetaData of thing %s, %q, is set alone, to another value, for some seconds. Where the API
replaces MetaData whole, the rest of it (%s) is gone for that long. Then the old
values are put back. Nothing else should write to the thing meanwhile. Should this be
cut short, put them back by:
  %s`, o.Thing, key, printable.Count(len(p.old)-1, "key"), p.command(p.old))) {
		return "", ErrNotConfirmed
	}
	semantics, err = p.try(ctx, key, "worker-doctor-"+rand.Text())
	if left := p.restore(context.WithoutCancel(ctx)); left != nil {
		return "", errors.Join(err, &LeftError{o.Thing, p.command(p.old), left})
	}
	return semantics, err
}

type probe struct {
	api  ThingAPI
	o    ProbeOptions
	old  map[string]string
	late bool // an update with the marker, of unknown outcome, may still land
}

// try sets key alone and reads what that did to the others.
func (p *probe) try(ctx context.Context, key, marker string) (string, error) {
	// From here on a crash leaves the marker behind.
	if err := p.set(ctx, map[string]string{key: marker}); err != nil {
		return "", err
	}
	// What is read may be older than what was written: only the marker tells.
	thing, err := p.get(ctx, func(t managedthings.Thing) bool { return t.MetaData[key] == marker })
	if err != nil {
		return "", err
	}
	kept := 0
	for other, value := range p.old {
		if other != key && thing.MetaData[other] == value {
			kept++
		}
	}
	switch kept {
	case 0:
		return config.SemanticsReplace, nil
	case len(p.old) - 1:
		return config.SemanticsMerge, nil
	}
	return "", errUnclear
}

var errStillOther = errors.New("what is read is not what was written")

// restore puts the old values back and makes sure that they stay.
func (p *probe) restore(ctx context.Context) error {
	p.o.Say("Putting the old values back.")
	for {
		err := p.set(ctx, p.old)
		if err == nil {
			_, err = p.get(ctx, func(t managedthings.Thing) bool { return maps.Equal(t.MetaData, p.old) })
		}
		if err != nil || !p.late {
			return err
		}
		p.late = false
		wait := 2 * p.o.CallTimeout // the time that such a call has to land
		p.o.Say("A call got no answer, and may be applied late: putting the old values back once more in " + wait.String() + ".")
		time.Sleep(wait)
	}
}

func (p *probe) set(ctx context.Context, metaData map[string]string) error {
	value, err := json.Marshal(metaData)
	if err != nil {
		return err
	}
	return p.step(ctx, func(ctx context.Context) error {
		_, err := p.api.UpdateManagedThing(ctx, managedthings.Input{
			Identifier: p.o.Thing, Members: []message.Member{{Name: metaDataMember, Value: value}},
		})
		if e, ok := errors.AsType[*managedthings.TransportError](err); ok && e.Sent && !maps.Equal(metaData, p.old) {
			p.late = true
		}
		return err
	})
}

// get reads the thing until it is as wanted.
func (p *probe) get(ctx context.Context, wanted func(managedthings.Thing) bool) (thing managedthings.Thing, err error) {
	err = p.step(ctx, func(ctx context.Context) (err error) {
		if thing, err = p.api.GetManagedThing(ctx, p.o.Thing); err == nil && !wanted(thing) {
			return errStillOther
		}
		return err
	})
	return thing, err
}

// step tries op again while that may help. It counts for the API's quota as any
// other caller does, and is throttled as any other.
func (p *probe) step(ctx context.Context, op func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, probePatience, errors.New("not within "+probePatience.String()))
	defer cancel()
	return retry.Do(ctx, retry.Policy{Base: 500 * time.Millisecond, Max: 3 * time.Second}, retry.Options{}, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, p.o.CallTimeout)
		defer cancel()
		err := op(ctx)
		if api, ok := errors.AsType[*managedthings.APIError](err); ok && !mayPass(api) {
			return retry.Permanent(err)
		}
		return err
	})
}

func mayPass(e *managedthings.APIError) bool {
	return e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests || e.Status == http.StatusConflict
}

// command sets a thing's MetaData by hand.
func (p *probe) command(metaData map[string]string) string {
	text, _ := json.Marshal(metaData) // of strings: it cannot fail
	return fmt.Sprintf("aws iot-managed-integrations update-managed-thing --region %s --identifier %s --meta-data %s", p.o.Region, shell(p.o.Thing), shell(string(text)))
}

// shell quotes text for a shell.
func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
