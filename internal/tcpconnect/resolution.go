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

// resolution turns the host of a target into endpoints. The families of a name are looked up side by side.
type resolution struct {
	target   Target
	byDialer bool             // the name is resolved at the vantage point
	literal  []netip.AddrPort // if the host is an address
	asked    []*lookup        // if the host is a name: one for each family
	failure  error            // why the whole answer is not known; valid when the channel of endpoints is closed
}

// resolve begins the resolution of a target. The caller must leave its lookups in the end.
func (c *Collector) resolve(target Target, ask func([]question) []*lookup) *resolution {
	host, family := target.Address.host, target.family()
	r := &resolution{target: target}
	ip, isIP := target.Address.ip()
	if !isIP && c.origin.resolvesNames() {
		r.byDialer = true
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

// awaitTurn waits until the first of the lookups has its turn. The error is that of the context.
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

// endpoints returns a channel of the endpoints to dial, those of each family as soon as they are known. It is closed
// when the whole answer is known, or the context ended.
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

// resolutionDelay is how long the dials of one family wait for the addresses of the other: RFC 8305, section 3.
const resolutionDelay = 50 * time.Millisecond

// gather sends what the lookups find.
func (r *resolution) gather(ctx context.Context, found chan<- []netip.AddrPort) {
	defer close(found)
	first, rest := awaitNext(ctx, r.asked)
	answers := []*answer{first}
	early := first.err == nil && (len(rest) == 0 || rest[0].awaitSearchIndex(ctx, first.searchIndex))
	if early {
		found <- r.endpointsAt(first.ips)
	}
	if len(rest) > 0 {
		second, _ := awaitNext(ctx, rest)
		answers = append(answers, second)
	}
	whole, failure := reconcile(answers)
	if len(whole) == 0 && failure == nil {
		failure = r.absence(answers)
	}
	r.failure = failure
	for _, given := range whole {
		if !early || given != first {
			found <- r.endpointsAt(given.ips)
		}
	}
}

// awaitNext waits for the first answer of one or two lookups, and returns the other lookup. If the context ends first,
// the answer is what is known then.
func awaitNext(ctx context.Context, asked []*lookup) (given *answer, rest []*lookup) {
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
		soFar := asked[0].answerSoFar()
		return &soFar, asked[1:]
	}
}

// reconcile returns the answers with addresses of the host. The host is the earliest name of the search list that has
// an address in any family. The failure is why an address of it may be missing.
func reconcile(answers []*answer) (whole []*answer, failure error) {
	index := math.MaxInt
	for _, given := range answers {
		if given.err == nil {
			index = min(index, given.searchIndex)
		}
	}
	for _, given := range answers {
		switch {
		case given.err == nil && given.searchIndex == index:
			whole = append(whole, given)
		case given.err == nil, given.absent(), given.searchIndex > index:
			// The host has no such address: this lookup went on to later names of the search list.
		case given.searchIndex < index && index != math.MaxInt:
			return nil, given.err // the host may be an earlier name
		case failure == nil || lookupReason(given.err).graver(lookupReason(failure)):
			failure = given.err
		}
	}
	return whole, failure
}

// absence returns the error that a name has no address, in the words of the resolver if it said so.
func (r *resolution) absence(answers []*answer) error {
	for _, given := range answers {
		if !errors.Is(given.err, errNoAddress) {
			return given.err
		}
	}
	return noAddress(r.target.Address.host, r.target.family())
}

// endpointsAt returns the endpoints at addresses of the host.
func (r *resolution) endpointsAt(ips []netip.Addr) []netip.AddrPort {
	endpoints := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		endpoints[i] = netip.AddrPortFrom(ip, r.target.Address.port)
	}
	return endpoints
}
