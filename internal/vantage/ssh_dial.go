// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// sshDial is a dial through a connection. The lock of the link guards what follows closing.
type sshDial struct {
	connection *sshConnection
	address    string        // of the target
	closing    chan struct{} // closed when the channel is to be closed
	began      time.Time
	waited     time.Duration // of requests on the connection until then

	answered  bool // the caller has the answer
	abandoned bool // the caller does not wait any more
}

// opened is the answer to a dial.
type opened struct {
	channel ssh.Channel
	err     error
}

// silenceError is the error of a dial that had no answer. It says which connection to ask whether the server answers.
type silenceError struct {
	connection *sshConnection
	address    string
	ended      time.Time // when the dial did
}

// Error names the target.
func (e *silenceError) Error() string {
	return fmt.Sprintf("SSH channel to %s: no answer before the timeout", e.address)
}

// open waits until the server has opened the channel, or the context ends. A pending channel can't be cancelled, so
// that it is abandoned.
func (d *sshDial) open(ctx context.Context, payload []byte) (net.Conn, error) {
	l := d.connection.link
	answer := make(chan opened, 1)
	l.mu.Lock()
	isStarted := l.start(func() { d.run(payload, answer) })
	l.mu.Unlock()
	if !isStarted {
		return nil, errRunEnded
	}
	select {
	case opened := <-answer:
		return d.conn(opened)
	case <-ctx.Done():
	}
	ended := time.Now()
	isAbandoned, busy := d.abandon(ended)
	switch {
	case !isAbandoned:
		return d.conn(<-answer)
	case busy > ended.Sub(d.began)/2 && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, unreachable("SSH channel to %s: %s answered nothing for most of the time, so this silence shows "+
			"nothing. A server that waits for its name server does so", d.address, l.address)
	}
	return nil, &tcpconnect.ReasonError{
		Reason: tcpconnect.ReasonNoResponse,
		Err:    &silenceError{connection: d.connection, address: d.address, ended: ended},
	}
}

func (d *sshDial) conn(answer opened) (net.Conn, error) {
	if answer.err != nil {
		return nil, answer.err
	}
	return &channelConn{dial: d, channel: answer.channel}, nil
}

// abandon lets the dial go on without its caller. It reports false if the answer has come. busy is how long the server
// let a request wait since the dial began.
func (d *sshDial) abandon(ended time.Time) (ok bool, busy time.Duration) {
	c := d.connection
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if d.answered {
		return false, 0
	}
	busy = c.waited(ended) - d.waited
	d.abandoned = true
	c.abandoned++
	c.leave()
	c.link.broadcast() // whoever waits for room may need another connection now
	return true, busy
}

// run opens the channel, and holds its room until the server has ended it.
func (d *sshDial) run(payload []byte, answer chan<- opened) {
	c := d.connection
	l := c.link
	channel, requests, err := c.client.OpenChannel("direct-tcpip", payload)

	l.mu.Lock()
	if err != nil {
		err = c.explain(err, d.address)
		d.release()
		if !d.abandoned {
			c.leave()
		}
	}
	d.answered = !d.abandoned
	isAbandoned := d.abandoned
	l.mu.Unlock()
	if !isAbandoned {
		answer <- opened{channel, err}
	}
	if err != nil {
		return
	}

	closing := d.closing
	if isAbandoned {
		_ = channel.Close()
		closing = nil
	}
	for isOpen := true; isOpen; {
		var request *ssh.Request
		select {
		case request, isOpen = <-requests:
			if isOpen {
				_ = request.Reply(false, nil)
			}
		case <-closing:
			_ = channel.Close()
			closing = nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d.release()
}

// release gives the room of the dial back. The caller holds the lock.
func (d *sshDial) release() {
	c := d.connection
	c.used--
	if d.abandoned {
		c.abandoned--
	}
	c.link.broadcast()
}

// close closes the channel.
func (d *sshDial) close() {
	d.connection.link.mu.Lock()
	defer d.connection.link.mu.Unlock()
	close(d.closing)
	d.connection.leave()
}

// crowd is how many dials a server with few descriptors can be expected to make at once.
const crowd = 8

// explain returns what the error of a dial says about the target, and ends a connection that opens no channels. The
// caller holds the lock.
func (c *sshConnection) explain(err error, address string) error {
	failure, ok := errors.AsType[*ssh.OpenChannelError](err)
	if !ok {
		c.fail(c.endedError()) // a dial that follows needs another one
		return c.cause
	}
	reason, limit := channelReason(failure, address)
	if failure.Reason == ssh.ConnectionFailed && failure.Message == openFailed && c.used > crowd {
		limit = "the vantage point did not open so many connections at once"
	}
	words := c.link.credentials.words(failure.Message)
	if reason == tcpconnect.ReasonOther || words == "" {
		words = strings.TrimSuffix(fmt.Sprintf("%s: %s", failure.Reason, words), ": ")
	}
	return &tcpconnect.ReasonError{
		Reason: reason, Limit: limit,
		Err: fmt.Errorf("SSH channel to %s: %s", address, words),
	}
}

// openFailed is what OpenSSH says if connect(2) or socket(2) failed at once. It does not say why: there is no route, a
// rule forbids it, or the server has no descriptor left.
const openFailed = "open failed"

// channelReason classifies why a server has not opened a channel (RFC 4254, section 5.1). A code that can have several
// causes is told from others by its text, for SSH has nothing else. Only whole texts count that servers were seen to
// send: strerror(3) and gai_strerror(3) of glibc.
func channelReason(failure *ssh.OpenChannelError, address string) (reason tcpconnect.Reason, limit string) {
	switch failure.Reason {
	case ssh.Prohibited:
		return tcpconnect.ReasonVantageProhibited, ""
	case ssh.ResourceShortage:
		return tcpconnect.ReasonVantageLimit, "the vantage point had no channel"
	case ssh.ConnectionFailed:
		text := failure.Message
		if host, port, err := net.SplitHostPort(address); err == nil { // as dropbear says it
			if lookup, ok := strings.CutPrefix(text, fmt.Sprintf("Error resolving '%s' port '%s'. ", host, port)); ok {
				return textReason(lookupTexts, lookup), ""
			}
		}
		if reason := textReason(connectTexts, text); reason != tcpconnect.ReasonOther {
			return reason, ""
		}
		return textReason(lookupTexts, text), ""
	default:
		return tcpconnect.ReasonOther, ""
	}
}

var (
	connectTexts = map[string]tcpconnect.Reason{
		"Connection refused":       tcpconnect.ReasonRefused,
		"No route to host":         tcpconnect.ReasonHostUnreachable,
		"Network is unreachable":   tcpconnect.ReasonNetworkUnreachable,
		"Connection timed out":     tcpconnect.ReasonNoResponse,
		"Connection reset by peer": tcpconnect.ReasonReset,
		"Permission denied":        tcpconnect.ReasonProhibited,
	}
	lookupTexts = map[string]tcpconnect.Reason{
		"Name or service not known":            tcpconnect.ReasonNoSuchHost,
		"No address associated with hostname":  tcpconnect.ReasonNoSuchHost,
		"Temporary failure in name resolution": tcpconnect.ReasonDNSFailure,
	}
)

func textReason(texts map[string]tcpconnect.Reason, text string) tcpconnect.Reason {
	if reason, ok := texts[text]; ok {
		return reason
	}
	return tcpconnect.ReasonOther
}

// channelConn is a connection through a channel. Its deadlines work, and Close ends pending calls at once, neither of
// which is so for the channel itself.
type channelConn struct {
	dial    *sshDial
	channel ssh.Channel
	closed  sync.Once
	piped   sync.Once
	pipe    net.Conn
}

// stream returns the pipe through which the bytes go. It begins with the first call, because most connections are
// closed without a byte.
func (c *channelConn) stream() net.Conn {
	c.piped.Do(func() {
		near, far := net.Pipe()
		c.pipe = near
		l := c.dial.connection.link
		l.mu.Lock()
		defer l.mu.Unlock()
		isStarted := l.start(func() {
			_, _ = io.Copy(far, c.channel)
			_ = far.Close()
		})
		isStarted = isStarted && l.start(func() { _, _ = io.Copy(c.channel, far) })
		if !isStarted {
			_ = far.Close()
		}
	})
	return c.pipe
}

// Read reads what the target sends.
func (c *channelConn) Read(b []byte) (int, error) { return c.stream().Read(b) }

// Write sends to the target.
func (c *channelConn) Write(b []byte) (int, error) { return c.stream().Write(b) }

// Close closes the channel.
func (c *channelConn) Close() error {
	c.closed.Do(func() {
		c.piped.Do(func() { c.pipe, _ = net.Pipe() })
		_ = c.pipe.Close()
		c.dial.close()
	})
	return nil
}

// LocalAddr returns no address of this machine: only the server knows where it dials from.
func (c *channelConn) LocalAddr() net.Addr { return channelAddr("") }

// RemoteAddr returns the target as it was dialled.
func (c *channelConn) RemoteAddr() net.Addr { return channelAddr(c.dial.address) }

// SetDeadline sets the deadlines of reads and writes.
func (c *channelConn) SetDeadline(t time.Time) error { return c.stream().SetDeadline(t) }

// SetReadDeadline sets the deadline of reads.
func (c *channelConn) SetReadDeadline(t time.Time) error { return c.stream().SetReadDeadline(t) }

// SetWriteDeadline sets the deadline of writes.
func (c *channelConn) SetWriteDeadline(t time.Time) error { return c.stream().SetWriteDeadline(t) }

// channelAddr is an end of a channel. It is not an address of this machine's network.
type channelAddr string

// Network returns the name of the network.
func (channelAddr) Network() string { return "ssh" }

// String returns host:port.
func (a channelAddr) String() string { return string(a) }
