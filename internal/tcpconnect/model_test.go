// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// The model describes in a few lines how a check and a wait must end. Random answers of the resolver and the peers, and
// random limits, compare it with the code under a virtual clock.

// familyScript is how one family of the name ends in one dial.
type familyScript string

const (
	noRecord     familyScript = "no record"
	lookupFails  familyScript = "SERVFAIL"
	lookupSilent familyScript = "resolver silent"
	lookupGaveUp familyScript = "resolver gave up"
	peerOpen     familyScript = "open"
	peerClosed   familyScript = "closed"
	peerSilent   familyScript = "silent"
	kernelGaveUp familyScript = "kernel gave up"
	localFault   familyScript = "no descriptor"
)

var familyScripts = []familyScript{
	noRecord, lookupFails, lookupSilent, lookupGaveUp, peerOpen, peerClosed, peerSilent, kernelGaveUp, localFault,
}

// dialScript is how one dial ends: IPv6, then IPv4.
type dialScript [2]familyScript

func (d dialScript) has(scripts ...familyScript) bool {
	return slices.ContainsFunc(d[:], func(script familyScript) bool { return slices.Contains(scripts, script) })
}

// reason is the model of a dial.
func (d dialScript) reason(allAddresses bool) Reason {
	switch {
	case d.has(peerOpen) && !allAddresses:
		return ReasonConnected // one endpoint is enough
	case d.has(lookupFails):
		return ReasonDNSFailure // everything else needs the whole answer
	case d.has(lookupSilent, lookupGaveUp):
		return ReasonDNSTimeout
	}
	reasons := map[familyScript]Reason{
		peerOpen:     ReasonConnected,
		peerClosed:   ReasonRefused,
		peerSilent:   ReasonNoResponse,
		kernelGaveUp: ReasonNoResponse,
		localFault:   ReasonLocalLimit,
	}
	worst := Reason("")
	for _, script := range d {
		reason, dialled := reasons[script]
		if dialled && (worst == "" || allAddresses && reason.graver(worst)) {
			worst = reason
		}
	}
	if worst == "" {
		return ReasonNoSuchHost
	}
	return worst
}

// takes is the model of how long a dial takes if no timeout ends it.
func (d dialScript) takes(allAddresses bool) time.Duration {
	switch {
	case d.has(peerOpen) && d.has(lookupSilent, lookupGaveUp) && !allAddresses:
		return resolutionDelay
	case d.has(peerOpen) && d[0] != peerOpen && d.has(peerSilent, kernelGaveUp) && !allAddresses:
		return attemptDelay
	case d.has(peerOpen) && !allAddresses:
		return 0
	case d.has(lookupSilent, peerSilent):
		return time.Hour
	case d == dialScript{kernelGaveUp, kernelGaveUp} && !allAddresses:
		return attemptDelay + gaveUp
	case d.has(kernelGaveUp) && d.has(lookupGaveUp) && !allAddresses:
		return resolutionDelay + gaveUp
	case d.has(kernelGaveUp, lookupGaveUp):
		return gaveUp
	default:
		return 0
	}
}

// gaveUp is how long a kernel or a resolver tries.
const gaveUp = time.Second

// scripted is a resolver and a dialer that follow a script. The number of a dial is in the addresses of the name.
type scripted struct {
	dials   []dialScript
	lookups [2]atomic.Int64 // of each family
}

func (s *scripted) script(number, family int) familyScript {
	return s.dials[min(number, len(s.dials)-1)][family]
}

func (s *scripted) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	family := slices.Index([]string{"ip6", "ip4"}, network)
	number := int(s.lookups[family].Add(1) - 1)
	switch s.script(number, family) {
	case noRecord:
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case lookupFails:
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	case lookupSilent:
		<-ctx.Done()
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	case lookupGaveUp:
		_ = pause(ctx, gaveUp)
		return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
	}
	if family == 0 {
		return []netip.Addr{netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(number >> 8), 15: byte(number)})}, nil
	}
	return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(number >> 8), byte(number)})}, nil
}

func (s *scripted) dial(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	family := 0
	if remote.Addr().Is4() {
		family = 1
	}
	bytes := remote.Addr().AsSlice()
	fails := func(err error) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	switch s.script(int(bytes[len(bytes)-2])<<8+int(bytes[len(bytes)-1]), family) {
	case peerClosed:
		return fails(syscallError(refusedErrno))
	case localFault:
		return fails(syscallError(limitErrno))
	case kernelGaveUp:
		if err := pause(ctx, gaveUp); err != nil {
			return fails(err)
		}
		return fails(syscallError(timeoutErrno))
	case peerSilent:
		<-ctx.Done()
		return fails(ctx.Err())
	}
	return accepting(ctx, netip.Addr{}, remote)
}

// waitModel is the input of a wait.
type waitModel struct {
	script       []dialScript
	allAddresses bool
	timeout      time.Duration
	retry        Retry
}

func drawWait(t *rapid.T) waitModel {
	dial := rapid.Custom(func(t *rapid.T) dialScript {
		family := rapid.SampledFrom(familyScripts)
		return dialScript{family.Draw(t, "IPv6"), family.Draw(t, "IPv4")}
	})
	millis := func(label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Millisecond
	}
	untils := rapid.SampledFrom([][]Status{
		{Connected}, {ConnectionRefused}, {ConnectionTimeout}, {ConnectionRefused, ConnectionTimeout}, {Error},
	})
	m := waitModel{
		script:       rapid.SliceOfN(dial, 1, 8).Draw(t, "dials"),
		allAddresses: rapid.Bool().Draw(t, "all_addresses"),
		timeout:      millis("timeout", 2000, 20_000),
		retry: Retry{
			Attempts:    rapid.Int64Range(0, 8).Draw(t, "attempts"),
			MinDelay:    millis("min_delay", 1, 2000),
			Until:       untils.Draw(t, "until"),
			Consecutive: rapid.Int64Range(1, 3).Draw(t, "consecutive"),
			GiveUpOn:    rapid.SliceOfNDistinct(rapid.SampledFrom(Reasons()), 0, 2, rapid.ID).Draw(t, "give_up_on"),
		},
	}
	m.retry.MaxDelay = m.retry.MinDelay + millis("max_delay", 0, 3000)
	m.retry.AttemptTimeout = min(m.timeout, max(millis("attempt_timeout", 1001, 20_000), time.Second))
	return m
}

// run waits with the code, and returns the first difference from the model.
func (m waitModel) run(t *testing.T) (difference string) {
	t.Helper()
	differs := func(format string, arguments ...any) {
		if difference == "" {
			difference = fmt.Sprintf(format, arguments...)
		}
	}
	world := &scripted{dials: m.script}
	collector := &Collector{Resolver: world, Dialer: endpointDialer(world.dial)}
	check := retrying(checkOf(t, "db.test:80", m.timeout), m.retry)
	check.Target.AllAddresses = m.allAddresses

	inARow, reason, mustEnd := int64(0), Reason(""), false
	start, began := time.Now(), time.Now()
	result, err := collector.Collect(t.Context(), check, func(attempt Attempt) {
		script := m.script[min(int(attempt.Number)-1, len(m.script)-1)]
		left := m.timeout - began.Sub(start)
		if mustEnd {
			differs("dial %d after a reason to give up", attempt.Number)
		}
		// A dial that the check's timeout ended does not count, unless it is the first.
		cutShort := left <= m.retry.AttemptTimeout && script.takes(m.allAddresses) >= left
		if !cutShort || attempt.Number == 1 {
			reason = script.reason(m.allAddresses)
			if inARow++; !m.satisfied(script) {
				inARow = 0
			}
		}
		if attempt.Result.Reason != reason {
			differs("dial %d, %v, is %s, want %s", attempt.Number, script, attempt.Result.Reason, reason)
		}
		if attempt.Result.Ready != (inARow >= m.retry.Consecutive) {
			differs("dial %d: ready %t after %d in a row of %d",
				attempt.Number, attempt.Result.Ready, inARow, m.retry.Consecutive)
		}
		mustEnd = !attempt.Result.Ready && slices.Contains(m.retry.GiveUpOn, reason)
		began = time.Now().Add(attempt.Next)
	})
	if err != nil {
		differs("%v", err)
	}
	if took := time.Since(start); took > m.timeout {
		differs("took %s of %s", took, m.timeout)
	}
	if result.Ready != (inARow >= m.retry.Consecutive) {
		differs("ready %t after %d in a row of %d", result.Ready, inARow, m.retry.Consecutive)
	}
	for _, outcome := range []Outcome{{Verdict: Pass}, {Verdict: Pass, When: result.Status}} {
		analyzer := Analyzer{CheckName: "db", Outcomes: []Outcome{outcome}}
		proceeds := analyzer.Judge(result.Status, result.Reason).Verdict.Proceed()
		if proceeds && !result.Ready && inARow > 0 {
			differs("%s, %s is not ready after %d lucky dials of %d, and passes",
				result.Status, result.Reason, inARow, m.retry.Consecutive)
		}
	}
	synctest.Wait()
	return difference
}

// satisfied reports whether a dial ends in a status that is waited for. With all addresses, each of them must.
func (m waitModel) satisfied(script dialScript) bool {
	wanted := func(reason Reason) bool {
		return slices.Contains(m.retry.Until, reason.Status()) && !reason.SaysNothing()
	}
	if !wanted(script.reason(m.allAddresses)) {
		return false
	}
	for _, family := range script {
		single := dialScript{family, noRecord}
		dialled := single.has(peerOpen, peerClosed, peerSilent, kernelGaveUp, localFault)
		if m.allAddresses && dialled && !wanted(single.reason(true)) {
			return false
		}
	}
	return true
}

func TestWaitDoesWhatItsModelSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(draw *rapid.T) {
		model := drawWait(draw)
		var difference string
		synctest.Test(t, func(t *testing.T) { difference = model.run(t) })
		if difference != "" {
			draw.Fatalf("%s\n%+v", difference, model)
		}
	})
}

func TestCrowdDoesWhatItsModelSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(draw *rapid.T) {
		takes := rapid.Int64Range(quietLookups, 200).Draw(draw, "takes")
		after := time.Duration(rapid.IntRange(1, 200).Draw(draw, "after")) * time.Millisecond
		overloads := []func(context.Context, string) error{silentServer, failingServer}
		overload := rapid.SampledFrom(overloads).Draw(draw, "overload")
		count := rapid.IntRange(1, 300).Draw(draw, "names")
		limit := rapid.IntRange(1, 300).Draw(draw, "limit")
		timeout := time.Duration(rapid.IntRange(5000, 20_000).Draw(draw, "timeout")) * time.Millisecond
		wrong := ""
		synctest.Test(t, func(t *testing.T) {
			collector := withServer(&nameServer{takes: takes, after: after, overload: overload})
			for i, result := range sweepAll(t, collector, names(t, count, timeout), limit) {
				if result.Status != Connected {
					wrong = fmt.Sprintf("name %d is %s: %s", i, result.Status, result.Message)
				}
			}
			synctest.Wait()
		})
		if wrong != "" {
			draw.Fatal(wrong)
		}
	})
}
