// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Point is a vantage point. It may be used concurrently, and must be closed in the end.
type Point struct {
	name           string
	connectTimeout time.Duration
	resolve        Resolve
	resolver       tcpconnect.Resolver // nil: this machine's, or the far end's
	link           link

	mu       sync.Mutex
	fatal    error     // is remembered for the run
	failure  error     // the last one of Prepare
	failedAt time.Time // when it ended
	canaries map[uint16]*canary
}

// newPoint makes a vantage point. reach opens connections to its server.
func newPoint(config Config, reach reachFunc) (*Point, error) {
	p := &Point{
		name: config.Name, connectTimeout: config.ConnectTimeout, resolve: config.Resolve,
		canaries: make(map[uint16]*canary),
	}
	var err error
	if config.SSH != nil {
		p.link, err = newSSHLink(config.Name, *config.SSH, config.ConnectTimeout, reach)
	} else {
		p.link, err = newProxyLink(config.Name, *config.Proxy, config.ConnectTimeout, reach)
	}
	if err != nil {
		return nil, &tcpconnect.VantagePointError{Name: config.Name, Err: err}
	}
	if config.Resolve.Server.IsValid() {
		p.resolver = newNameServer(config.Resolve.Server, p.dial)
	}
	return p, nil
}

// Dial asks the far end to connect to host:port. It does not take a source address.
func (p *Point) Dial(ctx context.Context, _ netip.Addr, address string) (net.Conn, error) {
	return p.dial(ctx, address)
}

func (p *Point) dial(ctx context.Context, address string) (net.Conn, error) {
	if err := p.link.reach(ctx); err != nil {
		return nil, p.doubted(ctx, err)
	}
	conn, err := p.link.dial(ctx, address)
	return conn, p.doubted(ctx, err)
}

// ResolvesNames reports whether names are looked up by the far end.
func (p *Point) ResolvesNames() bool { return p.resolve == Resolve{} }

// Resolver returns what asks a name server through the vantage point, nil if none is configured.
func (p *Point) Resolver() tcpconnect.Resolver { return p.resolver }

// Room returns how many dials can be in flight at once.
func (p *Point) Room() int { return p.link.room() }

// Prepare reaches the vantage point, and asks it once for each port whether it says of every name that it connected. A
// failure on the way is shared until ConnectTimeout after it, unless again is true. One of trust or login is remembered
// for the run.
func (p *Point) Prepare(ctx context.Context, port uint16, again bool) error {
	if err := p.remembered(again); err != nil {
		return err
	}
	err := p.link.reach(ctx)
	if err == nil {
		err = p.canary(port).ask(ctx, func(ctx context.Context) error { return p.askCanary(ctx, port) })
	}
	err = p.noted(ctx, err)
	if ctx.Err() == nil && reasonOf(err) == tcpconnect.ReasonVantageUnreachable {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.failure, p.failedAt = err, time.Now()
	}
	return err
}

// Confirm asks the far end for an answer of any kind.
func (p *Point) Confirm(ctx context.Context, unanswered error) error {
	return p.doubted(ctx, p.link.answers(ctx, unanswered))
}

// remembered returns the failure that counts still.
func (p *Point) remembered(again bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.fatal != nil:
		return p.fatal
	case !again && p.failure != nil && time.Since(p.failedAt) < p.connectTimeout:
		return p.failure
	default:
		return nil
	}
}

// doubted is noted for an error after the vantage point was prepared. If one dial did not get through, others may: it
// is asked for the canary again before the next dial, and a failure of that is shared.
func (p *Point) doubted(ctx context.Context, err error) error {
	if reasonOf(err) == tcpconnect.ReasonVantageUnreachable {
		p.mu.Lock()
		clear(p.canaries)
		p.mu.Unlock()
	}
	return p.noted(ctx, err)
}

// noted remembers a failure of trust or login, and returns the error with a reason.
func (p *Point) noted(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, isFatal := errors.AsType[*tcpconnect.VantagePointError](err)
	switch {
	case isFatal:
		p.fatal = err
	case ctx.Err() != nil && reasonOf(err) == "":
		return unreachable("the vantage point was not reached before the timeout")
	}
	return err
}

// canaryName is a name that cannot exist: RFC 2606, section 2.
const canaryName = "preflight-canary.invalid"

// canary asks once for a name that cannot exist.
type canary struct {
	flight
	mu     sync.Mutex
	passed bool
}

func (p *Point) canary(port uint16) *canary {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.canaries[port] == nil {
		p.canaries[port] = new(canary)
	}
	return p.canaries[port]
}

// ask asks, unless it passed before. Callers share the answer.
func (c *canary) ask(ctx context.Context, question func(context.Context) error) error {
	if c.hasPassed() {
		return nil
	}
	return c.do(ctx, time.Time{}, func(ctx context.Context) error {
		if c.hasPassed() {
			return nil
		}
		err := question(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.passed = err == nil
		return err
	})
}

func (c *canary) hasPassed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}

// askCanary returns an error unless the far end says that the canary can't be connected to.
func (p *Point) askCanary(ctx context.Context, port uint16) error {
	ctx, cancel := context.WithTimeout(ctx, p.connectTimeout)
	defer cancel()
	err := p.dialPatiently(ctx, net.JoinHostPort(canaryName, strconv.Itoa(int(port))))
	known, isReason := errors.AsType[*tcpconnect.ReasonError](err)
	switch {
	case err == nil:
		return &tcpconnect.VantagePointError{Name: p.name, Err: fmt.Errorf("It says that it connected to port %d of "+
			"%s, a name that cannot exist, so it would say so of every address. A proxy that inspects TLS does, and "+
			"so does a name server there that answers for every name. Exempt this machine or these addresses from "+
			"it, or choose another vantage point.", port, canaryName)}
	case ctx.Err() != nil:
		const late = "the vantage point gave no answer within connect_timeout, %s"
		if reasonOf(err) == tcpconnect.ReasonVantageUnreachable {
			return unreachable(late+": %v", p.connectTimeout, err)
		}
		return unreachable(late, p.connectTimeout)
	case !isReason:
		return err
	case known.Reason == tcpconnect.ReasonVantageProhibited || !known.Reason.SaysNothing():
		return nil
	default:
		return err
	}
}

// dialPatiently dials and waits limits out, until the context ends.
func (p *Point) dialPatiently(ctx context.Context, address string) error {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.MaxInterval = 10*time.Millisecond, 250*time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		conn, err := p.link.dial(ctx, address)
		if err == nil {
			_ = conn.Close() // nothing was written, so nothing can be lost
			return struct{}{}, nil
		}
		if reason, ok := errors.AsType[*tcpconnect.ReasonError](err); !ok || reason.Limit == "" {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(delays), backoff.WithMaxElapsedTime(0))
	return err
}

func (p *Point) close() error { return p.link.close() }
