// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// fakeLink is a link with answers of its own.
type fakeLink struct {
	reached, dialled atomic.Int64
	onReach          func(context.Context) error
	onDial           func(ctx context.Context, address string) error // nil: connected
}

func (l *fakeLink) reach(ctx context.Context) error {
	l.reached.Add(1)
	if l.onReach == nil {
		return nil
	}
	return l.onReach(ctx)
}

func (l *fakeLink) dial(ctx context.Context, address string) (net.Conn, error) {
	l.dialled.Add(1)
	if err := l.onDial(ctx, address); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	_ = far.Close()
	return near, nil
}

func (l *fakeLink) answers(context.Context, error) error { return nil }
func (l *fakeLink) room() int                            { return 10 }
func (l *fakeLink) close() error                         { return nil }

func pointOf(link link) *Point {
	return &Point{
		name: "bastion", connectTimeout: DefaultConnectTimeout, link: link, canaries: make(map[uint16]*canary),
	}
}

func noSuchHost(context.Context, string) error {
	return told(tcpconnect.ReasonNoSuchHost, "Name or service not known")
}

// A vantage point is asked once for each port, whatever it answers, as long as it is not that it connected.
func TestCanaryIsAskedForOnceForEachPort(t *testing.T) {
	t.Parallel()
	for reason, passes := range map[tcpconnect.Reason]bool{
		tcpconnect.ReasonNoSuchHost:        true,
		tcpconnect.ReasonRefused:           true,
		tcpconnect.ReasonNoResponse:        true, // in the far end's own words
		tcpconnect.ReasonOther:             true,
		tcpconnect.ReasonVantageProhibited: true,

		tcpconnect.ReasonVantageUnreachable: false,
		tcpconnect.ReasonLocalLimit:         false,
	} {
		var asked []string
		var mu sync.Mutex
		link := &fakeLink{onDial: func(_ context.Context, address string) error {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, address)
			return told(reason, "words")
		}}
		p := pointOf(link)
		for _, port := range []uint16{80, 443, 80} {
			err := p.Prepare(t.Context(), port, true)
			if passes && err != nil || !passes && reasonOf(err) != reason {
				t.Errorf("%s at port %d: %v", reason, port, err)
			}
		}
		want := "preflight-canary.invalid:80 preflight-canary.invalid:443"
		if passes && strings.Join(asked, " ") != want {
			t.Errorf("%s: asked for %q", reason, asked)
		}
	}
}

// Rule 1: one that connects to everything is an error, for every port that it does so of.
func TestPointThatConnectsToEverythingIsNotTrusted(t *testing.T) {
	t.Parallel()
	p := pointOf(&fakeLink{onDial: func(ctx context.Context, address string) error {
		if strings.HasSuffix(address, ":443") {
			return nil
		}
		return noSuchHost(ctx, address)
	}})
	if err := p.Prepare(t.Context(), 80, false); err != nil {
		t.Errorf("port 80: %v", err)
	}
	err := p.Prepare(t.Context(), 443, false)
	if untrusted, ok := errors.AsType[*tcpconnect.VantagePointError](err); !ok || untrusted.Name != "bastion" ||
		!strings.Contains(err.Error(), "port 443 of preflight-canary.invalid") {
		t.Errorf("port 443: %v", err)
	}
}

func TestPointThatNeverAnswersIsUnreachable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pointOf(&fakeLink{onDial: func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return told(tcpconnect.ReasonNoResponse, "no answer")
		}})
		start := time.Now()
		err := p.Prepare(t.Context(), 80, false)
		if took := time.Since(start); reasonOf(err) != tcpconnect.ReasonVantageUnreachable || took != p.connectTimeout {
			t.Errorf("%v after %s", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		err = p.Prepare(ctx, 80, true)
		if took := time.Since(start); reasonOf(err) != tcpconnect.ReasonVantageUnreachable || took != time.Second {
			t.Errorf("within a check: %v after %s", err, took)
		}
	})
}

// A limit that is reached while the canary is asked for is waited out.
func TestCanaryWaitsLimitsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := 3
		p := pointOf(&fakeLink{onDial: func(ctx context.Context, address string) error {
			if left--; left < 0 {
				return noSuchHost(ctx, address)
			}
			return &tcpconnect.ReasonError{
				Reason: tcpconnect.ReasonVantageLimit, Err: errors.New("no channel"), Limit: "it had no channel",
			}
		}})
		if err := p.Prepare(t.Context(), 80, false); err != nil {
			t.Error(err)
		}
	})
}

// A failure is shared by those that wait, and for connect_timeout after it by others, unless they have dialled before.
func TestFailureOfAPointIsSharedForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &fakeLink{onReach: func(context.Context) error { return unreachable("refused") }}
		p := pointOf(link)
		prepare := func(again bool, want int64) {
			t.Helper()
			err := p.Prepare(t.Context(), 80, again)
			if reasonOf(err) != tcpconnect.ReasonVantageUnreachable || link.reached.Load() != want {
				t.Errorf("%v after it was tried %d times, want %d", err, link.reached.Load(), want)
			}
		}
		prepare(false, 1)
		time.Sleep(p.connectTimeout - time.Nanosecond)
		prepare(false, 1)
		prepare(true, 2) // and so the failure is fresh again
		time.Sleep(p.connectTimeout)
		prepare(false, 3)
	})
}

// A dial that did not get through says nothing of others: the canary does, and its failure is shared.
func TestFailureOfOneDialIsNotThatOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		isGone := false
		link := &fakeLink{onDial: func(ctx context.Context, address string) error {
			if isGone || !strings.HasPrefix(address, canaryName) {
				return unreachable("its silence shows nothing")
			}
			return noSuchHost(ctx, address)
		}}
		p := pointOf(link)
		prepare := func(want tcpconnect.Reason, dialled int64) {
			t.Helper()
			err := p.Prepare(t.Context(), 80, false)
			if reasonOf(err) != want || link.dialled.Load() != dialled {
				t.Errorf("%v after %d dials, want %q after %d", err, link.dialled.Load(), want, dialled)
			}
		}
		fail := func() {
			t.Helper()
			_, err := p.Dial(t.Context(), netip.Addr{}, "db:80")
			if reasonOf(err) != tcpconnect.ReasonVantageUnreachable {
				t.Error(err)
			}
		}
		prepare("", 1)
		fail()
		prepare("", 3)
		prepare("", 3)
		isGone = true
		fail()
		prepare(tcpconnect.ReasonVantageUnreachable, 5)
		prepare(tcpconnect.ReasonVantageUnreachable, 5)
	})
}

func TestFailureOfTrustIsRememberedForTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &fakeLink{onReach: func(context.Context) error {
			return &tcpconnect.VantagePointError{Name: "bastion", Err: errors.New("Its host key is not known.")}
		}}
		p := pointOf(link)
		for range 3 {
			err := p.Prepare(t.Context(), 80, true)
			if _, ok := errors.AsType[*tcpconnect.VantagePointError](err); !ok || link.reached.Load() != 1 {
				t.Errorf("%v after it was tried %d times", err, link.reached.Load())
			}
			time.Sleep(time.Hour)
		}
	})
}

// Many checks that begin at once ask for the canary once. One that is interrupted does not end it for the others.
func TestChecksShareTheCanary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := &fakeLink{onDial: func(ctx context.Context, address string) error {
			select {
			case <-time.After(time.Second):
				return noSuchHost(ctx, address)
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		p := pointOf(link)
		interrupted, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		var checks sync.WaitGroup
		checks.Go(func() {
			if err := p.Prepare(interrupted, 80, false); reasonOf(err) != tcpconnect.ReasonVantageUnreachable {
				t.Errorf("interrupted: %v", err)
			}
		})
		for range 10 {
			checks.Go(func() {
				if err := p.Prepare(t.Context(), 80, false); err != nil {
					t.Error(err)
				}
			})
		}
		checks.Wait()
		if link.dialled.Load() != 1 {
			t.Errorf("asked %d times", link.dialled.Load())
		}
	})
}

// What another vantage point, or this machine, says of the server of a vantage point is no answer about a target.
func TestWhatIsSaidOfTheServerIsNoAnswer(t *testing.T) {
	t.Parallel()
	limit := &tcpconnect.ReasonError{
		Reason: tcpconnect.ReasonVantageLimit, Err: errors.New("no channel"), Limit: "it had no channel",
	}
	untrusted := &tcpconnect.VantagePointError{Name: "outer", Err: errors.New("Its host key is not known.")}
	for _, said := range []error{
		told(tcpconnect.ReasonRefused, "Connection refused"), told(tcpconnect.ReasonNoResponse, "no answer"),
		told(tcpconnect.ReasonNoSuchHost, "Name or service not known"), limit, untrusted,
	} {
		outer := pointOf(&fakeLink{onDial: func(context.Context, string) error { return said }})
		_, err := outer.reachServer(t.Context(), "inner:22")
		switch _, isUntrusted := errors.AsType[*tcpconnect.VantagePointError](err); {
		case isUntrusted:
			if !errors.Is(said, untrusted) {
				t.Errorf("%v became %v", said, err)
			}
		case errors.Is(said, limit):
			if reasonOf(err) != tcpconnect.ReasonVantageLimit {
				t.Errorf("%v became %v", said, err)
			}
		case reasonOf(err) != tcpconnect.ReasonVantageUnreachable || errors.Is(err, said):
			t.Errorf("%v became %v", said, err)
		}
	}
	lost := pointOf(&fakeLink{onReach: func(context.Context) error { return unreachable("no route") }})
	if _, err := lost.reachServer(t.Context(), "inner:22"); err == nil ||
		err.Error() != "the vantage point bastion, which leads to it, failed: no route" {
		t.Errorf("what is in front is not named: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fromHere(ctx, netip.MustParseAddrPort("127.0.0.1:1").String()); reasonOf(err) !=
		tcpconnect.ReasonVantageUnreachable {
		t.Errorf("%v", err)
	}
}
