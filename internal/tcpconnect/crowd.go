// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"sync"
	"time"
)

// A name server drops, refuses or fails what comes too fast, and Go's resolver repeats a query only after five seconds. So the number
// of lookups under way has a bound of its own, and a lookup that failed in a crowd is asked again in quiet before it counts.
const (
	quietLookups = 8  // so many lookups under way are not a crowd
	firstBound   = 32 // at the beginning
	highestBound = 64 // while answers keep coming

	// unboundLookups is the bound while even lookups in quiet are not answered: the crowd is not to blame then.
	unboundLookups = 1000

	// crowdPatience is how long a lookup in a crowd may stay unanswered before it is asked again in quiet, or half of the check's
	// timeout if that is less.
	crowdPatience = time.Second

	// longSilence is how long no lookup must have been answered before one that fails in quiet shows that the crowd is not to blame.
	longSilence = time.Second

	// recountAfter is how often free descriptors are counted again while they allow few lookups: dials may have held the others.
	recountAfter = time.Second
)

// crowd is the lookups under way together. The zero value is ready for use.
type crowd struct {
	mu       sync.Mutex
	underWay int
	quiet    int     // of them, those that are asked again in quiet
	bound    float64 // of those that are asked first
	most     int     // that the descriptors of this process allow
	first    []*turn // that wait to be asked
	again    []*turn // that wait to be asked again in quiet

	counted  time.Time // when free descriptors were last counted
	crowded  time.Time // when a lookup last joined a crowd
	answered time.Time // when an answer last came, or the first lookup began
	blamable bool      // whether a crowd may be to blame for a failure
}

// turn is a lookup that waits for its turn.
type turn struct {
	over     chan struct{} // closed when the wait is over
	admitted time.Time     // zero: not
	gone     bool
}

// ask asks a resolver when the lookup has its turn, and again if it failed in a crowd.
func (c *crowd) ask(resolver Resolver, asked *lookup, first *turn) answer {
	start, admitted := c.await(asked.ctx, first)
	if !admitted {
		return answer{err: noAnswer(asked.question.host)}
	}
	asked.askedAt.Store(&start)
	close(asked.turn)
	given, failedInCrowd := c.askInCrowd(resolver, asked, start)
	if !failedInCrowd {
		return given
	}
	asked.inCrowd.Store(&given)
	if start, admitted = c.await(asked.ctx, c.join(&c.again)); !admitted {
		return given
	}
	return c.askInQuiet(resolver, asked, start)
}

// askInCrowd asks beside others, and reports whether their number may be to blame for a failure.
func (c *crowd) askInCrowd(resolver Resolver, asked *lookup, start time.Time) (given answer, failedInCrowd bool) {
	ctx, cancel := context.WithCancel(asked.ctx)
	defer cancel()
	impatient := time.AfterFunc(asked.patience, func() {
		if c.mayBlame(start) {
			cancel()
		}
	})
	given = askResolver(ctx, resolver, asked.question, &asked.search)
	impatient.Stop()
	if given.err != nil && ctx.Err() != nil {
		given.err = noAnswer(asked.question.host)
	}
	failedInCrowd = given.failed() && c.mayBlame(start)
	c.mu.Lock()
	defer c.mu.Unlock()
	if failedInCrowd {
		c.bound = max(c.bound/2, quietLookups)
	}
	c.leave(given)
	return given, failedInCrowd
}

// askInQuiet asks again, beside few others.
func (c *crowd) askInQuiet(resolver Resolver, asked *lookup, start time.Time) answer {
	given := askResolver(asked.ctx, resolver, asked.question, &asked.search)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet--
	if given.failed() && c.answered.Before(start) && time.Since(c.answered) >= longSilence {
		c.blamable = false
		for _, waiting := range c.again { // they count as they are
			close(waiting.over)
		}
		c.again = nil
	}
	c.leave(given)
	return given
}

// mayBlame reports whether there has been a crowd since a time, and it may be to blame for a failure.
func (c *crowd) mayBlame(since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blamable && !c.crowded.Before(since)
}

// join takes a place in a queue. The wait is over at once if asking again would change nothing.
func (c *crowd) join(queue *[]*turn) *turn {
	mine := &turn{over: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prepare()
	if queue == &c.again && !c.blamable {
		close(mine.over)
		return mine
	}
	*queue = append(*queue, mine)
	c.admit()
	return mine
}

// await waits for a turn, and returns when it came. There is none if the context ended first, or if asking again would change nothing.
func (c *crowd) await(ctx context.Context, mine *turn) (start time.Time, admitted bool) {
	select {
	case <-mine.over:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	mine.gone = true
	return mine.admitted, !mine.admitted.IsZero()
}

func (c *crowd) prepare() {
	if c.bound == 0 {
		c.bound, c.blamable, c.answered = firstBound, true, time.Now()
	}
	if c.most < highestBound && time.Since(c.counted) >= recountAfter {
		c.most, c.counted = max(c.most, lookupShare(freeDescriptors())), time.Now()
	}
}

// admit gives turns to those that wait: first to those that are asked again, while it is quiet.
func (c *crowd) admit() {
	for c.underWay < min(quietLookups, c.most) && c.next(&c.again) {
		c.quiet++
	}
	for c.underWay < c.limit() && c.next(&c.first) {
	}
}

// next gives the turn to the next in a queue, and reports whether there was one.
func (c *crowd) next(queue *[]*turn) bool {
	for len(*queue) > 0 {
		waiting := (*queue)[0]
		*queue = (*queue)[1:]
		if waiting.gone {
			continue
		}
		waiting.admitted = time.Now()
		if c.underWay++; c.underWay > quietLookups {
			c.crowded = time.Now()
		}
		close(waiting.over)
		return true
	}
	return false
}

// limit is how many lookups may be under way now.
func (c *crowd) limit() int {
	switch {
	case !c.blamable:
		return c.most
	case c.quiet > 0 || len(c.again) > 0:
		return min(quietLookups, c.most)
	default:
		return min(int(c.bound), c.most)
	}
}

// leave ends a lookup, and gives its place to another.
func (c *crowd) leave(given answer) {
	c.underWay--
	if given.err == nil || given.absent() {
		c.answered, c.blamable = time.Now(), true
		c.bound = min(c.bound+1/c.bound, highestBound)
	}
	c.admit()
}

// lookupDescriptors is how many descriptors a lookup needs at once: a socket, and a file of the resolver's.
const lookupDescriptors = 2

// lookupShare returns how many lookups may be under way where so many descriptors are free: at most half of them serve lookups.
func lookupShare(free int) int {
	return min(max((free-spareDescriptors)/2/lookupDescriptors, 1), unboundLookups)
}
