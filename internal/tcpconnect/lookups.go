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

// question asks for the addresses of a host name in one family, IPv4 or IPv6.
type question struct {
	host   string
	family Family
}

// answer is what a resolver says to a question.
type answer struct {
	ips []netip.Addr
	err error
	// searchIndex says which name the answer is about: its index in the search list (resolv.conf(5)). 0 if not known.
	searchIndex int
}

// absent reports whether the resolver knows that there is no such address.
func (a answer) absent() bool {
	dns, ok := errors.AsType[*net.DNSError](a.err)
	return ok && dns.IsNotFound
}

// failed reports whether the resolver gave no answer, or said that it has none. A limit of this machine is not a
// failure of the resolver.
func (a answer) failed() bool {
	return a.err != nil && !a.absent() && lookupReason(a.err) != ReasonLocalLimit
}

// lookup is one question to the resolver. The checks that ask the same question share it.
type lookup struct {
	question        question
	patience        time.Duration             // how long it may stay unanswered in a crowd
	searchIndex     atomic.Int64              // of the name that is being asked for, in the search list
	turn            chan struct{}             // closed when the resolver is first asked
	askedAt         atomic.Pointer[time.Time] // nil: not yet
	failedAmongMany atomic.Pointer[answer]    // the first answer, if the question is asked again
	done            chan struct{}             // closed when the answer is known
	answer          answer

	ctx    context.Context // ends when no check is left
	cancel context.CancelFunc

	checks    int  // how many share it; guarded by lookups.mu
	abandoned bool // the last check left before the answer was known; guarded by lookups.mu
}

// lookups asks a resolver for all checks of a Collector. The zero value is ready for use.
type lookups struct {
	crowd    crowd
	mu       sync.Mutex
	inFlight map[question]*lookup // that a check may join
}

// round holds the lookups that the checks of a sweep share, ended ones included. It is guarded by lookups.mu. A nil
// round shares nothing.
type round map[question]*lookup

// ask looks up the questions of one check, or joins a lookup of the round or in flight. Questions of one check have
// their turns one after the other. The caller must leave the lookups in the end.
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

// askFresh looks questions up without joining other lookups.
func (l *lookups) askFresh(resolver Resolver, questions []question, patience time.Duration) []*lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := make([]*lookup, len(questions))
	for i, q := range questions {
		asked[i] = l.begin(resolver, q, patience, nil)
	}
	return asked
}

// join adds a check to a lookup that has or will have an answer, and returns nil if there is none.
func (l *lookups) join(q question, of round) *lookup {
	if asked := of[q]; asked != nil && !asked.abandoned {
		asked.checks++
		return asked
	}
	if asked := l.inFlight[q]; asked != nil && !asked.abandoned && asked.isFresh() {
		asked.checks++
		return asked
	}
	return nil
}

// isFresh reports whether the resolver was asked recently, or is still to be asked.
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

// answerSoFar returns the answer if it is known, else the failure among many, else an error about the time.
func (l *lookup) answerSoFar() answer {
	if l.isDone() {
		return l.answer
	}
	if failed := l.failedAmongMany.Load(); failed != nil {
		return *failed
	}
	if l.askedAt.Load() == nil {
		err := fmt.Errorf("lookup %s: not started before the timeout, because too many other lookups were in flight",
			l.question.host)
		return answer{err: &ReasonError{Reason: ReasonLocalLimit, Err: err}}
	}
	return answer{err: noAnswer(l.question.host), searchIndex: int(l.searchIndex.Load())}
}

// awaitSearchIndex waits until the lookup asks for the name at an index of the search list, so that it has found no
// address of earlier names. It returns false if the lookup or the context ended first.
func (l *lookup) awaitSearchIndex(ctx context.Context, index int) bool {
	for l.searchIndex.Load() < int64(index) {
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

// begin starts a lookup.
func (l *lookups) begin(resolver Resolver, q question, patience time.Duration, of round) *lookup {
	asked := &lookup{
		question: q,
		patience: patience,
		turn:     make(chan struct{}),
		done:     make(chan struct{}),
		checks:   1,
	}
	asked.ctx, asked.cancel = context.WithCancel(context.Background())
	if l.inFlight == nil {
		l.inFlight = make(map[question]*lookup)
	}
	l.inFlight[q] = asked
	if of != nil {
		of[q] = asked
	}
	turn := l.crowd.join(&l.crowd.firstQueue)
	go func() {
		asked.answer = l.crowd.ask(resolver, asked, turn)
		l.forget(asked)
		close(asked.done)
	}()
	return asked
}

// leave removes a check from a lookup, which ends when none is left: the deadline of a check never ends the lookup of
// another.
func (l *lookups) leave(left *lookup) {
	l.mu.Lock()
	left.checks--
	isLast := left.checks == 0
	left.abandoned = left.abandoned || isLast && !left.isDone()
	if isLast && l.inFlight[left.question] == left {
		delete(l.inFlight, left.question)
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
	if l.inFlight[ended.question] == ended {
		delete(l.inFlight, ended.question)
	}
}
