// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"time"
)

// resolution is how the host of a target becomes endpoints: it is an address itself, or its families are looked up side by side.
type resolution struct {
	target  Target
	isFar   bool             // the vantage point resolves the name
	literal []netip.AddrPort // of a host that is an address
	asked   []*lookup        // of a name: one for each family
	failure error            // why the whole answer is not known; to be read when the channel of endpoints is closed
}

// resolve begins the resolution of a target, whose lookups must be left in the end.
func (c *Collector) resolve(target Target, ask func([]question) []*lookup) *resolution {
	host, family := target.Address.host, target.family()
	r := &resolution{target: target}
	ip, isIP := target.Address.ip()
	if !isIP && c.dialer().ResolvesNames() {
		r.isFar = true
		return r
	}
	if !isIP {
		var questions []question
		for _, asked := range family.single() {
			questions = append(questions, question{host, asked})
		}
		r.asked = ask(questions)
		return r
	}
	if family.holds(ip) {
		r.literal = []netip.AddrPort{netip.AddrPortFrom(ip, target.Address.port)}
	} else {
		r.failure = noAddress(host, family)
	}
	return r
}

// awaitTurn waits until a first lookup has its turn. The error is that of the context.
func (r *resolution) awaitTurn(ctx context.Context) error {
	var turns [2]<-chan struct{}
	for i, asked := range r.asked {
		turns[i] = asked.turn
	}
	if len(r.asked) > 0 {
		select {
		case <-turns[0]:
		case <-turns[1]:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// endpoints returns a channel of the endpoints to dial: those of each family, as soon as they are known. It is closed when the whole
// answer is known, or the context ended.
func (r *resolution) endpoints(ctx context.Context) <-chan []netip.AddrPort {
	found := make(chan []netip.AddrPort, 2)
	if len(r.asked) > 0 {
		go r.gather(ctx, found)
		return found
	}
	if r.literal != nil {
		found <- r.literal
	}
	close(found)
	return found
}

// resolutionDelay is how long a family that is known waits for the other one: RFC 8305, section 3.
const resolutionDelay = 50 * time.Millisecond

// gather sends what the lookups find.
func (r *resolution) gather(ctx context.Context, found chan<- []netip.AddrPort) {
	defer close(found)
	first, rest := next(ctx, r.asked)
	answers := []*answer{first}
	early := first.err == nil && (len(rest) == 0 || rest[0].reaches(ctx, first.search))
	if early {
		found <- r.on(first.ips)
	}
	if len(rest) > 0 {
		second, _ := next(ctx, rest)
		answers = append(answers, second)
	}
	whole, failure := reconcile(answers)
	if len(whole) == 0 && failure == nil {
		failure = r.absence(answers)
	}
	r.failure = failure
	for _, given := range whole {
		if !early || given != first {
			found <- r.on(given.ips)
		}
	}
}

// next waits for one of one or two lookups, and returns the other.
func next(ctx context.Context, asked []*lookup) (given *answer, rest []*lookup) {
	var second <-chan struct{}
	if len(asked) > 1 {
		second = asked[1].done
	}
	select {
	case <-asked[0].done:
		return &asked[0].answer, asked[1:]
	case <-second:
		return &asked[1].answer, asked[:1]
	case <-ctx.Done():
		now := asked[0].answerNow()
		return &now, asked[1:]
	}
}

// reconcile returns those answers that have addresses of the host: of the earliest name in the search list for which any family has
// one. The failure is why an address of it may be missing.
func reconcile(answers []*answer) (whole []*answer, failure error) {
	place := math.MaxInt
	for _, given := range answers {
		if given.err == nil {
			place = min(place, given.search)
		}
	}
	for _, given := range answers {
		switch {
		case given.err == nil && given.search == place:
			whole = append(whole, given)
		case given.err == nil, given.absent(), given.search > place:
			// Of the host there is no such address: this lookup went on to later names of the search list.
		case given.search < place && place != math.MaxInt:
			return nil, given.err // the host may be an earlier name
		case failure == nil || lookupReason(given.err).graver(lookupReason(failure)):
			failure = given.err
		}
	}
	return whole, failure
}

// absence says that a name has no address, in the words of the resolver if it has any.
func (r *resolution) absence(answers []*answer) error {
	for _, given := range answers {
		if !errors.Is(given.err, errNoAddress) {
			return given.err
		}
	}
	return noAddress(r.target.Address.host, r.target.family())
}

// on returns the endpoints at addresses of the host.
func (r *resolution) on(ips []netip.Addr) []netip.AddrPort {
	endpoints := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		endpoints[i] = netip.AddrPortFrom(ip, r.target.Address.port)
	}
	return endpoints
}
