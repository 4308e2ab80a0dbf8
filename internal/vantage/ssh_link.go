// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// sshRoom limits the dials of a connection that are in flight or whose channels are open. OpenSSH ends a connection at
// 16,384 channels, dropbear opens no more than 1,000.
const sshRoom = 200

// sshLink dials through channels of a connection to an SSH server (RFC 4254, section 7.2). It connects when first
// needed, again after a connection has ended, and once more if dials that the server does not end fill a connection.
type sshLink struct {
	name           string
	config         SSH
	address        string // of the server, host:port
	credentials    sshCredentials
	connectTimeout time.Duration
	reachServer    reachFunc

	connecting flight
	life       context.Context // ends when the link is closed
	end        context.CancelFunc
	tasks      sync.WaitGroup // goroutines of connections; begun by start only

	mu      sync.Mutex
	current *sshConnection // that takes dials; nil: there is none
	open    map[*sshConnection]struct{}
	fault   error         // of trust or login; remembered, so that no login is repeated
	changed chan struct{} // closed when a dial may find room
	closed  bool
}

// errRunEnded is the error of a link that is closed.
var errRunEnded = unreachable("the run has ended")

// newSSHLink makes a link of arguments that Validate finds nothing wrong with. It does not connect.
func newSSHLink(name string, config SSH, connectTimeout time.Duration, reach reachFunc) (link, error) {
	credentials, problems := config.parse()
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Argument, problems[0].Text)
	}
	address, err := ParseSSHHost(config.Host)
	if err != nil {
		return nil, err
	}
	l := &sshLink{
		name: name, config: config, address: address, credentials: credentials,
		connectTimeout: connectTimeout, reachServer: reach,
		open: make(map[*sshConnection]struct{}), changed: make(chan struct{}),
	}
	l.life, l.end = context.WithCancel(context.Background())
	return l, nil
}

// room returns how many dials can be in flight at once.
func (l *sshLink) room() int { return sshRoom }

// reach connects and logs in, unless there is a connection that takes dials.
func (l *sshLink) reach(ctx context.Context) error {
	if isReady, err := l.ready(); isReady || err != nil {
		return err
	}
	err := l.connecting.do(ctx, time.Time{}, l.connect)
	_, isReason := errors.AsType[*tcpconnect.ReasonError](err)
	_, isFatal := errors.AsType[*tcpconnect.VantagePointError](err)
	if err == nil || isReason || isFatal {
		return err
	}
	return unreachable("%s was not reached before the timeout", l.address)
}

// ready reports whether there is a connection that takes dials, at once or after some have ended. The error says why
// there will be none.
func (l *sshLink) ready() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.fault != nil:
		return false, l.fault
	case l.closed:
		return false, errRunEnded
	default:
		return l.current != nil && !l.current.isClogged(), nil
	}
}

// connect makes the connection that takes dials from now on.
func (l *sshLink) connect(ctx context.Context) error {
	if isReady, err := l.ready(); isReady || err != nil {
		return err
	}
	l.mu.Lock()
	ended := make(chan struct{})
	defer close(ended)
	isStarted := l.start(func() { <-ended }) // so that close waits
	l.mu.Unlock()
	if !isStarted {
		return errRunEnded
	}
	ctx, cancel := context.WithTimeout(ctx, l.connectTimeout)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	raw, err := l.reachServer(ctx, l.address)
	if err != nil {
		_, isReason := errors.AsType[*tcpconnect.ReasonError](err)
		_, isFatal := errors.AsType[*tcpconnect.VantagePointError](err)
		if isReason || isFatal {
			return err
		}
		return unreachable("connect to %s: %v", l.address, err)
	}
	c := &sshConnection{
		link: l, raw: &recordingConn{Conn: raw}, ended: make(chan struct{}), woken: make(chan struct{}, 1),
	}
	err = c.handshake(ctx)
	if err == nil {
		err = l.install(ctx, c)
	}
	if err != nil {
		c.discard()
	}
	return l.remember(err)
}

// remember keeps an error of trust or login.
func (l *sshLink) remember(err error) error {
	if _, isFatal := errors.AsType[*tcpconnect.VantagePointError](err); isFatal {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.fault = err
		l.broadcast()
	}
	return err
}

// install lets a connection take dials. The one before it takes no more.
func (l *sshLink) install(ctx context.Context, c *sshConnection) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || ctx.Err() != nil {
		return unreachable("%s was not reached before the timeout", l.address)
	}
	if l.current != nil {
		l.current.retire()
	}
	l.current = c
	l.open[c] = struct{}{}
	l.start(c.rejectChannels)
	l.start(c.serve)
	l.start(c.watch)
	l.broadcast()
	return nil
}

// start runs a function of a connection, unless the link is closed. The caller holds the lock.
func (l *sshLink) start(function func()) bool {
	if l.closed {
		return false
	}
	l.tasks.Go(function)
	return true
}

// broadcast wakes all dials that wait for room. The caller holds the lock.
func (l *sshLink) broadcast() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// dial asks the server to connect to host:port.
func (l *sshLink) dial(ctx context.Context, address string) (net.Conn, error) {
	payload, err := directTCPIP(address)
	if err != nil {
		return nil, told(tcpconnect.ReasonOther, "%q can't be dialled: %w", address, err)
	}
	for {
		if ctx.Err() != nil {
			return nil, told(tcpconnect.ReasonVantageLimit, "the connection to %s, which has room for %d "+
				"dials, had none for %s before the timeout", l.address, sshRoom, address)
		}
		dial, changed, err := l.take(address)
		switch {
		case err != nil:
			return nil, err
		case dial != nil:
			return dial.open(ctx, payload)
		case changed != nil:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		default:
			if err := l.reach(ctx); err != nil {
				return nil, err
			}
		}
	}
}

// take takes room for a dial. If there is none, it returns a channel that is closed when there may be, or nothing if
// another connection is needed.
func (l *sshLink) take(address string) (dial *sshDial, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.current
	switch {
	case l.fault != nil:
		return nil, nil, l.fault
	case l.closed:
		return nil, nil, errRunEnded
	case c == nil || c.isClogged():
		return nil, nil, nil
	case c.used == sshRoom:
		return nil, l.changed, nil
	}
	c.enter()
	began := time.Now()
	return &sshDial{
		connection: c, address: address, closing: make(chan struct{}), began: began, waited: c.waited(began),
	}, nil, nil
}

// answers returns an error if the server does not answer any more on the connection of a dial, or on the current one.
func (l *sshLink) answers(ctx context.Context, unanswered error) error {
	if silence, ok := errors.AsType[*silenceError](unanswered); ok {
		return silence.connection.ask(ctx, silence.ended)
	}
	l.mu.Lock()
	c := l.current
	l.mu.Unlock()
	if c == nil {
		return unreachable("there is no connection to %s any more", l.address)
	}
	return c.ask(ctx, time.Now())
}

// close ends all connections, and waits until nothing of them is left.
func (l *sshLink) close() error {
	l.mu.Lock()
	l.closed = true
	for c := range l.open {
		c.fail(errRunEnded)
	}
	l.broadcast()
	l.mu.Unlock()
	l.end()
	l.tasks.Wait()
	return nil
}

// directTCPIP returns the request for a channel to host:port: RFC 4254, section 7.2.
func directTCPIP(address string) ([]byte, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	return ssh.Marshal(struct {
		Host       string
		Port       uint32
		Originator string
		OriginPort uint32
	}{host, uint32(port), "127.0.0.1", 0}), nil
}

// recordingConn keeps the first error of its reads: what ended the connection.
type recordingConn struct {
	net.Conn
	readError atomic.Pointer[error]
}

// Read reads from the connection.
func (c *recordingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.readError.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close closes the connection. What reads return afterwards has not ended it.
func (c *recordingConn) Close() error {
	err := net.ErrClosed
	c.readError.CompareAndSwap(nil, &err)
	return c.Conn.Close()
}

// isEnded reports whether a read has failed, or the connection is closed.
func (c *recordingConn) isEnded() bool { return c.readError.Load() != nil }

// isLost reports whether the connection has ended in another way than by either side.
func (c *recordingConn) isLost() bool {
	err := c.readError.Load()
	return err != nil && !errors.Is(*err, io.EOF) && !errors.Is(*err, net.ErrClosed)
}
