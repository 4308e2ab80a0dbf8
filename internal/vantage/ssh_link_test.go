// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/bastion"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestSSHDialTellsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1000)
	tests := []struct {
		address string
		answer  sshAnswer
		reason  tcpconnect.Reason
		limit   string
		text    string // of the error, a part
	}{
		{"a:1", sshAnswer{code: 1, text: "open failed"}, tcpconnect.ReasonVantageProhibited, "", "open failed"},
		{"a:2", sshAnswer{code: 1}, tcpconnect.ReasonVantageProhibited, "", "administratively prohibited"},
		{"a:3", sshAnswer{code: 2, text: "Connection refused"}, tcpconnect.ReasonRefused, "", "Connection refused"},
		{"a:4", sshAnswer{code: 2, text: "No route to host"}, tcpconnect.ReasonHostUnreachable, "", ""},
		{"a:31", sshAnswer{code: 2, text: "Connection reset by peer"}, tcpconnect.ReasonReset, "", ""},
		{"a:5", sshAnswer{code: 2, text: "Network is unreachable"}, tcpconnect.ReasonNetworkUnreachable, "", ""},
		{"a:6", sshAnswer{code: 2, text: "Connection timed out"}, tcpconnect.ReasonNoResponse, "", ""},
		{"a:7", sshAnswer{code: 2, text: "Permission denied"}, tcpconnect.ReasonProhibited, "", ""},
		{"a:8", sshAnswer{code: 2, text: "Name or service not known"}, tcpconnect.ReasonNoSuchHost, "", ""},
		{"a:9", sshAnswer{code: 2, text: "No address associated with hostname"}, tcpconnect.ReasonNoSuchHost, "", ""},
		{"a:10", sshAnswer{code: 2, text: "Temporary failure in name resolution"}, tcpconnect.ReasonDNSFailure, "", ""},
		{"a:11", sshAnswer{code: 2, text: "Error resolving 'a' port '11'. Name or service not known"},
			tcpconnect.ReasonNoSuchHost, "", ""},
		{"a:12", sshAnswer{code: 2, text: "Error resolving 'a' port '12'. Temporary failure in name resolution"},
			tcpconnect.ReasonDNSFailure, "", ""},
		{"[2001:db8::1]:13",
			sshAnswer{code: 2, text: "Error resolving '2001:db8::1' port '13'. Name or service not known"},
			tcpconnect.ReasonNoSuchHost, "", ""},
		{"a:14", sshAnswer{code: 2, text: "Error resolving 'b' port '14'. Name or service not known"},
			tcpconnect.ReasonOther, "", "Error resolving 'b'"},
		{"a:15", sshAnswer{code: 2, text: "Error resolving 'a' port '15'. Connection refused"},
			tcpconnect.ReasonOther, "", ""},
		{"a:16", sshAnswer{code: 2, text: "connection refused"},
			tcpconnect.ReasonOther, "", "connect failed: connection"},
		{"a:17", sshAnswer{code: 2, text: "Connection refused by b"}, tcpconnect.ReasonOther, "", ""},
		{"a:18", sshAnswer{code: 2, text: "open failed"}, tcpconnect.ReasonOther, "", "open failed"},
		{"a:19", sshAnswer{code: 3, text: "Connection refused"}, tcpconnect.ReasonOther, "", "unknown channel type"},
		{"a:20", sshAnswer{code: 4, text: "Connection refused"}, tcpconnect.ReasonVantageLimit,
			"the vantage point had no channel", ""},
		{"a:21", sshAnswer{code: 99, text: "Connection refused"}, tcpconnect.ReasonOther, "", "unknown reason 99"},
		{"a:22", sshAnswer{code: 2, text: "bell\a" + long}, tcpconnect.ReasonOther, "", "bell\uFFFDlong"},
		{"a:23", sshAnswer{code: 2, text: "you said " + testPassword}, tcpconnect.ReasonOther, "", "you said ***"},
	}
	server := startSSH(t, func(s *sshServer) {
		s.targets = make(map[string]sshAnswer)
		for _, test := range tests {
			s.targets[test.address] = test.answer
		}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	for _, test := range tests {
		conn, err := link.dial(within(t, patient), test.address)
		if conn != nil {
			t.Errorf("%s has a connection", test.address)
		}
		wantReason(t, err, test.reason)
		found, _ := errors.AsType[*tcpconnect.ReasonError](err)
		if found == nil || found.Limit != test.limit || !strings.Contains(err.Error(), test.text) ||
			len(err.Error()) > 500 {
			t.Errorf("%s: %+v", test.address, found)
		}
	}
	if server.logins.Load() != 1 {
		t.Errorf("%d logins were made, not one", server.logins.Load())
	}
}

func TestSSHServerThatCanNotOpenManyConnectionsAtOnceIsALimit(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	server := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{
			"crowd:1": {code: 2, text: "open failed"}, "crowd:2": {code: 2, text: "open failed", waitFor: gate},
		}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	var dials sync.WaitGroup
	for range crowd {
		dials.Go(func() {
			_, err := link.dial(within(t, patient), "crowd:2")
			wantReason(t, err, tcpconnect.ReasonOther)
		})
	}
	for range crowd {
		<-server.asked
	}
	_, err := link.dial(within(t, patient), "crowd:1")
	if found, ok := errors.AsType[*tcpconnect.ReasonError](err); !ok || found.Limit == "" ||
		found.Reason != tcpconnect.ReasonOther {
		t.Errorf("a dial beside %d others: %v", crowd, err)
	}
	close(gate)
	dials.Wait()
}

func TestSSHConnectionCarriesBytesAndTellsNoAddress(t *testing.T) {
	t.Parallel()
	server := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{"echo.internal:7": {opens: true, echoes: true}, "mute:7": {opens: true}}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	conn, err := link.dial(within(t, patient), "echo.internal:7")
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []net.Addr{conn.LocalAddr(), conn.RemoteAddr()} {
		if _, isTCP := addr.(*net.TCPAddr); isTCP {
			t.Errorf("%s looks like an address of this machine's network", addr)
		}
	}
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // more than a window
	go func() { _, _ = conn.Write(sent) }()
	received := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, received); err != nil || !bytes.Equal(sent, received) {
		t.Errorf("not what was sent: %v", err)
	}
	_ = conn.SetReadDeadline(time.Now())
	if _, err := conn.Read(received); !isTimeout(err) {
		t.Errorf("a read after its deadline: %v", err)
	}
	if err := errors.Join(conn.Close(), conn.Close()); err != nil {
		t.Error(err)
	}

	conn, err = link.dial(within(t, patient), "mute:7")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := conn.Read(received)
		ended <- err
	}()
	_ = conn.Close()
	if err := <-ended; err == nil {
		t.Error("a read went on after the connection was closed")
	}
	eventually(t, "all room is given back", func() bool {
		link.mu.Lock()
		defer link.mu.Unlock()
		return link.current.used == 0 && link.current.live == 0 && link.current.abandoned == 0
	})
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func TestSSHSilenceIsAskedAbout(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	reach, freeze := freezable()
	defer freeze()
	link := linkOf(t, server.config(), impatient, reach)
	reachAtLast(t, link)
	silence := dialInVain(t, link, server)
	before := server.keepalives.Load()
	if err := link.answers(within(t, patient), silence); err != nil {
		t.Errorf("a live server: %v", err)
	}
	if server.keepalives.Load() == before {
		t.Error("the server was not asked")
	}
	freeze()
	if err := link.answers(within(t, patient), silence); err != nil {
		t.Errorf("the silence was asked about already: %v", err)
	}
	_, silence = link.dial(within(t, 20*time.Millisecond), "silent:1")
	wantReason(t, link.answers(within(t, patient), silence), tcpconnect.ReasonVantageUnreachable)
	wantReason(t, link.answers(within(t, patient), nil), tcpconnect.ReasonVantageUnreachable)
}

// dialInVain dials a silent target, and returns the error that it does not answer.
func dialInVain(t *testing.T, link *sshLink, server *sshServer) error {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t, patient))
	result := make(chan error)
	go func() {
		_, err := link.dial(ctx, "silent:0")
		result <- err
	}()
	for isAsked := false; !isAsked; {
		select {
		case address := <-server.asked:
			isAsked = address == "silent:0"
		case err := <-result:
			t.Fatalf("the server was not asked: %v", err)
		}
	}
	cancel()
	err := <-result
	wantReason(t, err, tcpconnect.ReasonNoResponse)
	return err
}

func TestSSHSilencesShareOneQuestion(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	link := linkOf(t, server.config(), patient, dialTCP)
	const dials = 100
	silences := make([]error, dials)
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	for i := range dials {
		tasks.Go(func() { _, silences[i] = link.dial(ctx, "silent:1") })
	}
	for range dials {
		<-server.asked
	}
	cancel()
	tasks.Wait()
	for i := range dials {
		tasks.Go(func() {
			if err := link.answers(within(t, patient), silences[i]); err != nil {
				t.Error(err)
			}
		})
	}
	tasks.Wait()
	if asked := server.keepalives.Load(); asked == 0 || asked > dials/2 { // some were asked while the dials waited
		t.Errorf("%d questions were asked about %d silences", asked, dials)
	}
}

func TestDeadSSHConnectionEndsItsDialsAndIsReplaced(t *testing.T) {
	t.Parallel()
	server := startSSH(t, func(s *sshServer) { s.targets = map[string]sshAnswer{"open:1": {opens: true}} })
	reach, freeze := freezable()
	defer freeze()
	var way sync.Mutex
	link := linkOf(t, server.config(), impatient, func(ctx context.Context, address string) (net.Conn, error) {
		way.Lock()
		defer way.Unlock()
		return reach(ctx, address)
	})
	reachAtLast(t, link)
	freeze()
	_, err := link.dial(within(t, patient), "silent:1")
	wantReason(t, err, tcpconnect.ReasonVantageUnreachable)
	way.Lock()
	reach = dialTCP
	way.Unlock()
	reachAtLast(t, link)
	conn, err := link.dial(within(t, patient), "open:1")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestServerThatEndsTheConnectionSaysNothingOfTargets(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	link := linkOf(t, server.config(), patient, dialTCP)
	result := make(chan error)
	go func() {
		_, err := link.dial(within(t, patient), "silent:1")
		result <- err
	}()
	<-server.asked
	server.hangUp()
	wantReason(t, <-result, tcpconnect.ReasonVantageUnreachable)
	if err := link.reach(within(t, patient)); err != nil {
		t.Errorf("connect anew: %v", err)
	}
	if server.logins.Load() != 2 {
		t.Errorf("%d logins", server.logins.Load())
	}
}

func TestFullSSHConnectionIsSucceeded(t *testing.T) {
	t.Parallel()
	server := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{"open:1": {opens: true}, "echo:1": {opens: true, echoes: true}}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	held, err := link.dial(within(t, patient), "echo:1")
	if err != nil {
		t.Fatal(err)
	}
	first := link.current
	ctx, abandon := context.WithCancel(t.Context())
	silences := make(chan error, sshRoom)
	for range sshRoom - 1 {
		go func() {
			_, err := link.dial(ctx, "silent:1")
			silences <- err
		}()
	}
	for range sshRoom {
		<-server.asked
	}

	// All are live, so that another dial waits.
	_, err = link.dial(within(t, 20*time.Millisecond), "open:1")
	wantReason(t, err, tcpconnect.ReasonVantageLimit)
	if server.logins.Load() != 1 {
		t.Fatalf("%d logins", server.logins.Load())
	}
	waits := make(chan error)
	go func() {
		conn, err := link.dial(within(t, patient), "open:1")
		if err == nil {
			_ = conn.Close()
		}
		waits <- err
	}()

	abandon()
	for range sshRoom - 1 {
		wantReason(t, <-silences, tcpconnect.ReasonNoResponse)
	}
	if err := <-waits; err != nil {
		t.Errorf("a dial with a successor: %v", err)
	}
	if server.logins.Load() != 2 {
		t.Errorf("%d logins, not two", server.logins.Load())
	}
	for range 2 { // a connection that is about to end asks once before
		if err := first.ask(within(t, patient), time.Now()); err != nil {
			t.Errorf("the full connection ended although a channel is open: %v", err)
		}
	}
	if _, err := io.Copy(held, strings.NewReader("x")); err != nil {
		t.Errorf("write to the open channel: %v", err)
	}
	if _, err := io.ReadFull(held, make([]byte, 1)); err != nil {
		t.Errorf("read from the open channel: %v", err)
	}
	silence := dialInVain(t, link, server)
	if found, ok := errors.AsType[*silenceError](silence); !ok || found.connection == first {
		t.Errorf("a new dial was made through the full connection: %v", silence)
	}
	_ = held.Close()
	select {
	case <-first.ended:
	case <-time.After(patient):
		t.Fatal("the full connection did not end after its last live dial")
	}
	late := &silenceError{connection: first, ended: first.answered}
	if err := link.answers(within(t, patient), late); err != nil {
		t.Errorf("a silence on the connection that has ended: %v", err)
	}
}

func TestSSHRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	server := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{"open:1": {opens: true}, "refused:1": {code: 2, text: "Connection refused"}}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	var dials sync.WaitGroup
	for i := range 5 * sshRoom {
		dials.Go(func() {
			if i%2 == 0 {
				_, err := link.dial(within(t, patient), "refused:1")
				wantReason(t, err, tcpconnect.ReasonRefused)
				return
			}
			conn, err := link.dial(within(t, patient), "open:1")
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		})
	}
	dials.Wait()
	if server.logins.Load() != 1 {
		t.Errorf("%d logins, not one", server.logins.Load())
	}
}

func TestChannelThatIsOpenedTooLateIsClosed(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	server := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{"late:1": {opens: true, waitFor: gate}}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	ctx, abandon := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := link.dial(ctx, "late:1")
		result <- err
	}()
	<-server.asked
	abandon()
	wantReason(t, <-result, tcpconnect.ReasonNoResponse)
	close(gate)
	eventually(t, "the room is given back", func() bool {
		link.mu.Lock()
		defer link.mu.Unlock()
		return link.current.used == 0 && link.current.abandoned == 0
	})
}

func TestSSHConnectsOnceForAll(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	link := linkOf(t, server.config(), patient, dialTCP)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if err := link.reach(within(t, patient)); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if server.accepted.Load() != 1 || server.logins.Load() != 1 {
		t.Errorf("%d connections, %d logins", server.accepted.Load(), server.logins.Load())
	}
}

func TestSSHThroughSSH(t *testing.T) {
	t.Parallel()
	inner := startSSH(t, func(s *sshServer) {
		s.targets = map[string]sshAnswer{"db:1": {code: 2, text: "Connection refused"}}
	})
	hostKey, err := bastion.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	outer := bastion.SSH(t, bastion.Network{},
		bastion.Account{HostKey: hostKey, User: "deploy", Password: testPassword})
	first := linkOf(t, SSH{
		Host: outer.Address(), User: "deploy", Password: testPassword, HostKey: hostKey.Public(),
	}, patient, dialTCP)
	second := linkOf(t, inner.config(), patient, func(ctx context.Context, address string) (net.Conn, error) {
		if err := first.reach(ctx); err != nil {
			return nil, err
		}
		return first.dial(ctx, address)
	})
	_, err = second.dial(within(t, patient), "db:1")
	wantReason(t, err, tcpconnect.ReasonRefused)
	if outer.Asked(inner.address) != 1 {
		t.Errorf("the outer server was asked %d times", outer.Asked(inner.address))
	}
}

func TestErrorsOfTheWayToTheSSHServerArePassedOn(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	for _, way := range []error{
		&tcpconnect.ReasonError{Reason: tcpconnect.ReasonLocalLimit, Err: errors.New("no descriptor"), Limit: "limit"},
		&tcpconnect.VantagePointError{Name: "other", Err: errors.New("not trusted")},
	} {
		link := linkOf(t, server.config(), patient, func(context.Context, string) (net.Conn, error) { return nil, way })
		if err := link.reach(within(t, patient)); !errors.Is(err, way) {
			t.Errorf("%v became %v", way, err)
		}
	}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	link := linkOf(t, server.config(), patient, func(context.Context, string) (net.Conn, error) { return nil, refused })
	err := link.reach(within(t, patient))
	wantReason(t, err, tcpconnect.ReasonVantageUnreachable)
	if errors.Is(err, refused) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v must say what happened, and not wrap it", err)
	}
}

func TestHostileSSHServers(t *testing.T) {
	t.Parallel()
	drain := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for name, serve := range map[string]func(net.Conn){
		"closes at once": func(conn net.Conn) { _ = conn.Close() },
		"garbage": func(conn net.Conn) {
			_, _ = conn.Write(bytes.Repeat([]byte{0xff, '\n'}, 1<<16))
			_ = conn.Close()
		},
		"HTTP": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		},
		"endless line": func(conn net.Conn) {
			for {
				if _, err := conn.Write(bytes.Repeat([]byte("a"), 4096)); err != nil {
					return
				}
			}
		},
		"says nothing": drain,
		"only its version": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-2.0-test\r\n")
			drain(conn)
		},
		"huge packet": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-2.0-test\r\n\x7f\xff\xff\xff\x04")
			drain(conn)
		},
		"another version of SSH": func(conn net.Conn) {
			_, _ = io.WriteString(conn, "SSH-1.5-test\r\n")
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, func(s *sshServer) { s.serve = serve })
			link := linkOf(t, server.config(), 300*time.Millisecond, dialTCP)
			_, err := link.dial(within(t, patient), "target:1")
			wantReason(t, err, tcpconnect.ReasonVantageUnreachable)
			if err == nil || len(err.Error()) > 500 {
				t.Errorf("a long text: %v", err)
			}
			if err := link.reach(within(t, patient)); err == nil || server.accepted.Load() != 2 {
				t.Errorf("it was asked %d times: %v", server.accepted.Load(), err)
			}
		})
	}
}

func TestFloodsOfTheSSHServerAreSurvived(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]func(*ssh.ServerConn){
		"requests": func(conn *ssh.ServerConn) {
			large := bytes.Repeat([]byte("a"), 1000)
			for range 2000 {
				if _, _, err := conn.SendRequest("flood@example.com", false, large); err != nil {
					return
				}
			}
			_, _, _ = conn.SendRequest("flood@example.com", true, nil)
		},
		"channels": func(conn *ssh.ServerConn) {
			for range 500 {
				if _, _, err := conn.OpenChannel("forwarded-tcpip", nil); err == nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, func(s *sshServer) { s.targets = map[string]sshAnswer{"open:1": {opens: true}} })
			link := linkOf(t, server.config(), patient, dialTCP)
			if err := link.reach(within(t, patient)); err != nil {
				t.Fatal(err)
			}
			conn := server.connection(t)
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				flood(conn)
			}()
			opened, err := link.dial(within(t, patient), "open:1")
			if err != nil {
				t.Fatal(err)
			}
			_ = opened.Close()
			<-flooded
		})
	}
}

func TestContextEndsAllWaitingForSSH(t *testing.T) {
	t.Parallel()
	server := startSSH(t, func(s *sshServer) { s.serve = func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) } })
	link := linkOf(t, server.config(), patient, dialTCP)
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error)
	for range 3 {
		go func() { results <- link.reach(ctx) }()
	}
	eventually(t, "the server was reached", func() bool { return server.accepted.Load() > 0 })
	cancel()
	start := time.Now()
	for range 3 {
		wantReason(t, <-results, tcpconnect.ReasonVantageUnreachable)
	}
	if waited := time.Since(start); waited > patient/2 {
		t.Errorf("it took %s", waited)
	}
}

func TestClosedSSHLinkDoesNotConnect(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	link := linkOf(t, server.config(), patient, dialTCP)
	pending := make(chan error)
	go func() {
		_, err := link.dial(within(t, patient), "silent:1")
		pending <- err
	}()
	<-server.asked
	if err := errors.Join(link.close(), link.close()); err != nil {
		t.Error(err)
	}
	wantReason(t, <-pending, tcpconnect.ReasonVantageUnreachable)
	wantReason(t, link.reach(within(t, patient)), tcpconnect.ReasonVantageUnreachable)
	_, err := link.dial(within(t, patient), "silent:1")
	wantReason(t, err, tcpconnect.ReasonVantageUnreachable)
	if server.accepted.Load() != 1 {
		t.Errorf("%d connections", server.accepted.Load())
	}
}
