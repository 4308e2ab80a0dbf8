// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"sync"
	"time"
)

// A name server drops, refuses or fails queries that come too fast, and Go's resolver repeats a query only after five
// seconds. So the number of lookups in flight is limited, and a lookup that failed among many is repeated among few
// before its failure counts.
const (
	quietLookups = 8  // more lookups in flight are a crowd
	initialBound = 32 // of lookups in flight
	highestBound = 64 // reached while answers keep coming

	// maxLookups is the bound if even lookups among few are not answered: their number is not the cause then.
	maxLookups = 1000

	// crowdPatience is how long a lookup in a crowd may stay unanswered before it is repeated. It is half of the
	// check's timeout if that is less.
	crowdPatience = time.Second

	// longSilence is how long no lookup must have been answered before a failure among few shows that the crowd is not
	// the cause.
	longSilence = time.Second

	// recountAfter is how often free descriptors are counted again while they allow few lookups: dials may have held
	// the others.
	recountAfter = time.Second
)

// crowd limits the lookups that are in flight together. The zero value is ready for use.
type crowd struct {
	mu              sync.Mutex
	inFlight        int
	retriesInFlight int     // of them
	bound           float64 // of inFlight, adapted to the answers
	affordable      int     // limit of inFlight by the free descriptors of this process
	firstQueue      []*turn // lookups to be made for the first time
	retryQueue      []*turn // lookups to be repeated among few
	suspected       bool    // a crowd may be the cause of failures

	countedAt  time.Time // when free descriptors were last counted
	crowdedAt  time.Time // when a lookup last joined a crowd
	answeredAt time.Time // when an answer last came, or the first lookup began
}

// turn is the turn of one lookup that waits in a queue.
type turn struct {
	over       chan struct{} // closed when the wait is over
	admittedAt time.Time     // zero: it was not admitted
	gone       bool          // nobody waits for it any more
}

// ask asks a resolver when the lookup has its turn, and once more if a crowd may have made it fail.
func (c *crowd) ask(resolver Resolver, asked *lookup, first *turn) answer {
	start, admitted := c.await(asked.ctx, first)
	if !admitted {
		return answer{err: noAnswer(asked.question.host)}
	}
	asked.askedAt.Store(&start)
	close(asked.turn)
	given, mustRetry := c.askAmongMany(resolver, asked, start)
	if !mustRetry {
		return given
	}
	asked.failedAmongMany.Store(&given)
	if start, admitted = c.await(asked.ctx, c.join(&c.retryQueue)); !admitted {
		return given
	}
	return c.askAmongFew(resolver, asked, start)
}

// askAmongMany asks a resolver, and reports whether the answer is a failure that a crowd may have caused.
func (c *crowd) askAmongMany(resolver Resolver, asked *lookup, start time.Time) (given answer, mustRetry bool) {
	ctx, cancel := context.WithCancel(asked.ctx)
	defer cancel()
	timer := time.AfterFunc(asked.patience, func() {
		if c.mayBeToBlame(start) {
			cancel()
		}
	})
	given = askResolver(ctx, resolver, asked.question, &asked.searchIndex)
	timer.Stop()
	if given.err != nil && ctx.Err() != nil {
		given.err = noAnswer(asked.question.host)
	}
	mustRetry = given.failed() && c.mayBeToBlame(start)
	c.mu.Lock()
	defer c.mu.Unlock()
	if mustRetry {
		c.bound = max(c.bound/2, quietLookups)
	}
	c.leave(given)
	return given, mustRetry
}

// askAmongFew asks a resolver once more.
func (c *crowd) askAmongFew(resolver Resolver, asked *lookup, start time.Time) answer {
	given := askResolver(asked.ctx, resolver, asked.question, &asked.searchIndex)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retriesInFlight--
	if given.failed() && c.answeredAt.Before(start) && time.Since(c.answeredAt) >= longSilence {
		c.suspected = false
		for _, waiting := range c.retryQueue { // their failures count
			close(waiting.over)
		}
		c.retryQueue = nil
	}
	c.leave(given)
	return given
}

// mayBeToBlame reports whether there has been a crowd since a time that may have caused a failure.
func (c *crowd) mayBeToBlame(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.suspected && !c.crowdedAt.Before(since)
}

// join adds a turn to a queue. The wait for a retry is over at once if a retry would change nothing.
func (c *crowd) join(queue *[]*turn) *turn {
	mine := &turn{over: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepare()
	if queue == &c.retryQueue && !c.suspected {
		close(mine.over)
		return mine
	}
	*queue = append(*queue, mine)
	c.admit()
	return mine
}

// await waits until a turn is over, and returns when the lookup was admitted. It was not admitted if the context ended
// first, or if a retry would change nothing.
func (c *crowd) await(ctx context.Context, mine *turn) (start time.Time, admitted bool) {
	select {
	case <-mine.over:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	mine.gone = true
	return mine.admittedAt, !mine.admittedAt.IsZero()
}

func (c *crowd) prepare() {
	if c.bound == 0 {
		c.bound, c.suspected, c.answeredAt = initialBound, true, time.Now()
	}
	if c.affordable < highestBound && time.Since(c.countedAt) >= recountAfter {
		c.affordable, c.countedAt = max(c.affordable, lookupShare(freeDescriptors())), time.Now()
	}
}

// admit gives turns to waiting lookups, retries first.
func (c *crowd) admit() {
	for c.inFlight < min(quietLookups, c.affordable) && c.admitNext(&c.retryQueue) {
		c.retriesInFlight++
	}
	for c.inFlight < c.limit() && c.admitNext(&c.firstQueue) {
	}
}

// admitNext gives a turn to the next lookup of a queue, and reports whether there was one.
func (c *crowd) admitNext(queue *[]*turn) bool {
	for len(*queue) > 0 {
		waiting := (*queue)[0]
		*queue = (*queue)[1:]
		if waiting.gone {
			continue
		}
		waiting.admittedAt = time.Now()
		if c.inFlight++; c.inFlight > quietLookups {
			c.crowdedAt = time.Now()
		}
		close(waiting.over)
		return true
	}
	return false
}

// limit returns how many lookups may be in flight now.
func (c *crowd) limit() int {
	switch {
	case !c.suspected:
		return c.affordable
	case c.retriesInFlight > 0 || len(c.retryQueue) > 0:
		return min(quietLookups, c.affordable)
	default:
		return min(int(c.bound), c.affordable)
	}
}

// leave ends a lookup, and admits others in its place.
func (c *crowd) leave(given answer) {
	c.inFlight--
	if given.err == nil || given.absent() {
		c.answeredAt, c.suspected = time.Now(), true
		c.bound = min(c.bound+1/c.bound, highestBound)
	}
	c.admit()
}

// lookupDescriptors is how many descriptors a lookup needs at once: a socket, and a file of the resolver.
const lookupDescriptors = 2

// lookupShare returns how many lookups may be in flight with a number of free descriptors: they use at most half of
// them.
func lookupShare(free int) int {
	return min(max((free-spareDescriptors)/2/lookupDescriptors, 1), maxLookups)
}
