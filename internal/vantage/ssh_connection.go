// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// sshConnection is one connection to an SSH server. The lock of the link guards what follows ended.
type sshConnection struct {
	link     *sshLink
	raw      *recordingConn
	client   ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	ended    chan struct{} // closed when the connection has ended

	used      int // dials that the server has not ended
	live      int // dials that wait, and connections that are not closed
	abandoned int // dials that do not wait any more, and have no answer
	retired   bool
	asking    *sshKeepalive
	answered  time.Time     // when the last request that was answered began
	busy      time.Duration // how long requests that were answered waited, in all
	fastest   time.Duration // the shortest of these times; 0: there is none
	woken     chan struct{} // holds an element when a dial has begun to wait
	cause     error         // why the connection has ended
	distrust  error         // why the host key is not trusted
}

// sshKeepalive is a request that shows whether the server answers.
type sshKeepalive struct {
	began time.Time
	done  chan struct{}
}

// handshake checks the host key and logs in. It closes the connection when the context ends.
func (c *sshConnection) handshake(ctx context.Context) error {
	l := c.link
	trusted, err := l.config.hostKeys(l.address)
	if err != nil {
		return &tcpconnect.VantagePointError{Name: l.name, Err: err}
	}
	attempt := &sshLogin{sshCredentials: l.credentials, ctx: ctx, server: l.address}
	isOpen := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	c.client, c.channels, c.requests, err = ssh.NewClientConn(c.raw, l.address, &ssh.ClientConfig{
		User:              l.credentials.user,
		HostKeyAlgorithms: trusted.algorithms(),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if err := trusted.check(key); err != nil {
				return c.reject(trusted.explain(err, key))
			}
			return nil
		},
		AuthCallback: func(state *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
			return attempt.method(state, !c.raw.isEnded())
		},
	})
	l.mu.Lock()
	distrust := c.distrust
	l.mu.Unlock()
	refusal, isRefused := errors.AsType[*loginError](err)
	switch {
	case distrust != nil:
		return distrust
	case err == nil && isOpen():
		return nil
	case isRefused && attempt.failure == nil && attempt.isServersAnswer():
		return &tcpconnect.VantagePointError{Name: l.name, Err: refusal}
	case err == nil || ctx.Err() != nil:
		return unreachable("%s did not complete the handshake and the login within connect_timeout, %s",
			l.address, l.connectTimeout)
	case attempt.failure != nil:
		return &tcpconnect.VantagePointError{Name: l.name, Err: attempt.failure}
	case len(attempt.offered) > 0 && (attempt.rejected || !c.raw.isLost()):
		// Servers end the connection after too many attempts. To repeat them could lock the account.
		words := "nothing, it ended the connection"
		if !isRefused {
			words = l.credentials.words(withoutPrefix(err))
		}
		return &tcpconnect.VantagePointError{Name: l.name, Err: attempt.refused(words)}
	default:
		return unreachable("SSH handshake with %s: %s", l.address, l.credentials.words(withoutPrefix(err)))
	}
}

// withoutPrefix returns what went wrong during a handshake, without that it did.
func withoutPrefix(err error) string {
	if errors.Is(err, io.EOF) {
		return "it closed the connection"
	}
	if cause := errors.Unwrap(err); cause != nil {
		return cause.Error()
	}
	return err.Error()
}

// discard ends a connection that was not installed.
func (c *sshConnection) discard() {
	_ = c.raw.Close()
	if c.client == nil {
		return
	}
	go c.rejectChannels()
	go ssh.DiscardRequests(c.requests)
}

// reject keeps why the host key is not trusted, and returns it. A server shows its key again in later key exchanges.
func (c *sshConnection) reject(err error) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.distrust = &tcpconnect.VantagePointError{Name: c.link.name, Err: err}
	c.link.fault = c.distrust
	return c.distrust
}

// why returns the cause of the end of the connection, or another error if none is known. The caller holds the lock.
func (c *sshConnection) why(otherwise error) error {
	switch {
	case c.distrust != nil:
		return c.distrust
	case c.cause != nil:
		return c.cause
	default:
		return otherwise
	}
}

// endedError returns the error of a connection that has ended without a known cause.
func (c *sshConnection) endedError() error {
	return unreachable("the connection to %s has ended", c.link.address)
}

// isClogged reports whether dials that nobody waits for fill the connection. The caller holds the lock.
func (c *sshConnection) isClogged() bool { return c.used >= sshRoom && c.abandoned > 0 }

// serve answers requests of the server until the connection has ended.
func (c *sshConnection) serve() {
	for request := range c.requests {
		_ = request.Reply(false, nil) // as ssh does
	}
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	c.fail(c.endedError())
	delete(l.open, c)
	close(c.ended)
	l.broadcast()
}

// rejectChannels rejects channels that the server opens.
func (c *sshConnection) rejectChannels() {
	for channel := range c.channels {
		_ = channel.Reject(ssh.Prohibited, "this client opens channels only")
	}
}

// Limits of the time between two requests while dials wait.
const (
	shortestPause = 50 * time.Millisecond
	longestPause  = time.Second
)

// watch asks the server for an answer from time to time, so that the end of a silent server is known. It asks often
// while dials wait: an OpenSSH or dropbear server that looks a name up does nothing else meanwhile.
func (c *sshConnection) watch() {
	for {
		timer := time.NewTimer(c.pause())
		select {
		case <-timer.C:
			_ = c.ask(c.link.life, time.Now())
		case <-c.woken:
			timer.Stop()
		case <-c.ended:
			timer.Stop()
			return
		}
	}
}

// pause returns how long to wait until the next request. It is longer than a live server takes for its answer.
func (c *sshConnection) pause() time.Duration {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.live == 0 {
		return c.link.connectTimeout
	}
	return min(max(3*c.fastest, shortestPause), longestPause, c.link.connectTimeout)
}

// waited returns how long requests have waited for their answers until a time. The caller holds the lock.
func (c *sshConnection) waited(until time.Time) time.Duration {
	if c.asking == nil {
		return c.busy
	}
	return c.busy + until.Sub(c.asking.began)
}

// enter counts a dial that is live. The caller holds the lock.
func (c *sshConnection) enter() {
	c.used++
	c.live++
	if c.live == 1 {
		select {
		case c.woken <- struct{}{}:
		default:
		}
	}
}

// ask returns an error unless the server answers a request that began no earlier than since. Callers share requests,
// and one is in flight at a time: the server answers them in order.
func (c *sshConnection) ask(ctx context.Context, since time.Time) error {
	for {
		done, err := c.request(since)
		if done == nil {
			return err
		}
		select {
		case <-done:
		case <-ctx.Done():
			return unreachable("%s had not answered a keepalive before the timeout", c.link.address)
		}
	}
}

// request returns a channel that is closed when the request in flight ends. It begins one if there is none. The channel
// is nil if a request since then was answered, or if none will be.
func (c *sshConnection) request(since time.Time) (done <-chan struct{}, err error) {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !c.answered.IsZero() && !c.answered.Before(since):
		return nil, nil
	case c.cause != nil:
		return nil, c.cause
	case c.asking == nil:
		c.asking = &sshKeepalive{began: time.Now(), done: make(chan struct{})}
		if !l.start(c.sendKeepalive) {
			return nil, errRunEnded
		}
	}
	return c.asking.done, nil
}

// sendKeepalive sends a request that servers answer, most with a failure. It ends the connection if none does.
func (c *sshConnection) sendKeepalive() {
	l := c.link
	timer := time.AfterFunc(l.connectTimeout, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.fail(unreachable("%s did not answer a keepalive within connect_timeout, %s", l.address, l.connectTimeout))
	})
	_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
	timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && c.cause == nil {
		c.answered = c.asking.began
		latency := time.Since(c.asking.began)
		c.busy += latency
		if c.fastest == 0 || latency < c.fastest {
			c.fastest = latency
		}
	} else {
		c.fail(c.endedError())
	}
	close(c.asking.done)
	c.asking = nil
}

// fail ends the connection. The caller holds the lock.
func (c *sshConnection) fail(cause error) {
	c.cause = c.why(cause)
	if c.link.current == c {
		c.link.current = nil
		c.link.broadcast()
	}
	_ = c.raw.Close()
}

// retire lets the connection end when its last live dial has. The caller holds the lock.
func (c *sshConnection) retire() {
	c.retired = true
	c.endIfIdle()
}

// endIfIdle ends a retired connection without live dials. First it asks for an answer, for dials that had none. The
// caller holds the lock.
func (c *sshConnection) endIfIdle() {
	if !c.retired || c.live > 0 {
		return
	}
	c.link.start(func() {
		err := c.ask(c.link.life, time.Now())
		c.link.mu.Lock()
		defer c.link.mu.Unlock()
		if err == nil {
			err = unreachable("the connection to %s was full", c.link.address)
		}
		c.fail(err)
	})
}

// leave counts a dial that is not live any more. The caller holds the lock.
func (c *sshConnection) leave() {
	c.live--
	c.endIfIdle()
}
