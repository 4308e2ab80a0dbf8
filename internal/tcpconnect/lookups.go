// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// question is what is looked up: the addresses of one family, IPv4 or IPv6, of a host name.
type question struct {
	host   string
	family Family
}

// answer is what a resolver says to a question.
type answer struct {
	ips []netip.Addr
	// search is the place in the search list of the name that the answer is about, from 0. It is 0 too if that is not known.
	search int
	err    error
}

// absent reports whether the resolver knows that there is no such address.
func (a answer) absent() bool {
	dns, ok := errors.AsType[*net.DNSError](a.err)
	return ok && dns.IsNotFound
}

// failed reports whether the resolver gave no answer, or said that it has none. A limit of this machine is not the resolver's word.
func (a answer) failed() bool {
	return a.err != nil && !a.absent() && lookupReason(a.err) != ReasonLocalLimit
}

// lookup is a question on its way to the resolver. The checks that ask the same share it.
type lookup struct {
	question question
	patience time.Duration
	search   atomic.Int64  // the place in the search list of the name that is being asked for
	turn     chan struct{} // closed when the resolver is first asked
	askedAt  atomic.Pointer[time.Time]
	inCrowd  atomic.Pointer[answer] // the failure that is to be asked again in quiet
	done     chan struct{}          // closed when the answer is known
	answer   answer

	ctx    context.Context // ends when no check is left
	cancel context.CancelFunc
	checks int // guarded by lookups.mu, as is what follows

	abandoned bool // the last check left before the answer was known
}

// lookups asks a resolver for all checks of a Collector. The zero value is ready for use.
type lookups struct {
	crowd    crowd
	mu       sync.Mutex
	underWay map[question]*lookup // that a check may join
}

// round is the lookups that the checks of a sweep share, also those that have ended. It is guarded by lookups.mu; nil shares nothing.
type round map[question]*lookup

// ask looks up the questions of one check, whose turns follow each other, or joins lookups of them in the round or under way. patience is
// how long a lookup may stay unanswered in a crowd. Who asks must leave the lookups in the end.
func (l *lookups) ask(resolver Resolver, questions []question, patience time.Duration, of round) []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := make([]*lookup, len(questions))
	for i, q := range questions {
		if asked[i] = l.join(q, of); asked[i] == nil {
			asked[i] = l.begin(resolver, q, patience, of)
		}
	}
	return asked
}

// askAnew looks questions up whatever is under way.
func (l *lookups) askAnew(resolver Resolver, questions []question, patience time.Duration) []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := make([]*lookup, len(questions))
	for i, q := range questions {
		asked[i] = l.begin(resolver, q, patience, nil)
	}
	return asked
}

// join adds a check to a lookup for which there is or will be an answer, and returns nil if there is none.
func (l *lookups) join(q question, of round) *lookup {
	if asked := of[q]; asked != nil && !asked.abandoned {
		asked.checks++
		return asked
	}
	if asked := l.underWay[q]; asked != nil && !asked.abandoned && asked.isFresh() {
		asked.checks++
		return asked
	}
	return nil
}

// isFresh reports whether the resolver has not been asked for long: what it was asked long ago says little of now.
func (l *lookup) isFresh() bool {
	asked := l.askedAt.Load()
	return asked == nil || time.Since(*asked) < crowdPatience
}

func (l *lookup) isDone() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// answerNow returns the answer if it is known, else what the resolver said in a crowd, else that there was none in time.
func (l *lookup) answerNow() answer {
	if l.isDone() {
		return l.answer
	}
	if failed := l.inCrowd.Load(); failed != nil {
		return *failed
	}
	if l.askedAt.Load() == nil {
		return answer{err: &ReasonError{Reason: ReasonLocalLimit, Err: fmt.Errorf(
			"lookup %s: had no turn before the timeout: too many other lookups were under way", l.question.host)}}
	}
	return answer{err: noAnswer(l.question.host), search: int(l.search.Load())}
}

// reaches waits until the lookup asks for the name at a place in the search list, so that it knows no address of an earlier one. It
// returns false if the lookup or the context ended first.
func (l *lookup) reaches(ctx context.Context, place int) bool {
	for l.search.Load() < int64(place) {
		select {
		case <-l.done:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(resolutionDelay):
		}
	}
	return true
}

// begin sends a question on its way.
func (l *lookups) begin(resolver Resolver, q question, patience time.Duration, of round) *lookup {
	asked := &lookup{question: q, patience: patience, turn: make(chan struct{}), done: make(chan struct{}), checks: 1}
	asked.ctx, asked.cancel = context.WithCancel(context.Background())
	if l.underWay == nil {
		l.underWay = make(map[question]*lookup)
	}
	l.underWay[q] = asked
	if of != nil {
		of[q] = asked
	}
	turn := l.crowd.join(&l.crowd.first)
	go func() {
		asked.answer = l.crowd.ask(resolver, asked, turn)
		l.forget(asked)
		close(asked.done)
	}()
	return asked
}

// leave takes a check from a lookup, which ends when none is left: no check's deadline ends the lookup of another.
func (l *lookups) leave(left *lookup) {
	l.mu.Lock()
	left.checks--
	isLast := left.checks == 0
	left.abandoned = left.abandoned || isLast && !left.isDone()
	if isLast && l.underWay[left.question] == left {
		delete(l.underWay, left.question)
	}
	l.mu.Unlock()
	if isLast {
		left.cancel()
	}
}

// forget keeps other checks from joining a lookup.
func (l *lookups) forget(ended *lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay[ended.question] == ended {
		delete(l.underWay, ended.question)
	}
}
