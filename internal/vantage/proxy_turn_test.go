// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// pipeTo returns a way to a proxy in virtual time, which takes a while. speak has each connection to itself.
func pipeTo(delay time.Duration, speak func(net.Conn)) reachFunc {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, unreachable("not reached")
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close() //nolint:errcheck // A test's server has nothing to lose.
			speak(far)
		}()
		return near, nil
	}
}

// thenSilence returns what a proxy speaks that answers each CONNECT with a text and leaves the connection open. It
// knows that the canary does not exist.
func thenSilence(text string) func(net.Conn) {
	return func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		switch {
		case err != nil:
		case strings.HasPrefix(request.Host, canaryName):
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		default:
			_, _ = io.WriteString(conn, text)
			silence(conn)
		}
	}
}

// Only a target that had most of the time is silent, and only if the proxy said nothing else.
func TestSilenceIsTheTargetsOnlyIfNothingElseTookTheTime(t *testing.T) {
	t.Parallel()
	const (
		timeout    = 10 * time.Second
		noResponse = tcpconnect.ReasonNoResponse
		unreached  = tcpconnect.ReasonVantageUnreachable
	)
	for name, test := range map[string]struct {
		url    string
		reach  reachFunc
		want   tcpconnect.Reason
		within time.Duration
	}{
		"silence":           {"http://p", pipeTo(0, thenSilence("")), noResponse, timeout},
		"a slow way":        {"http://p", pipeTo(time.Second, thenSilence("")), noResponse, timeout},
		"nothing else":      {"http://p", pipeTo(0, silence), unreached, timeout},
		"too slow a way":    {"http://p", pipeTo(6*time.Second, thenSilence("")), unreached, timeout},
		"an interim answer": {"http://p", pipeTo(0, thenSilence("HTTP/1.1 102 P\r\n\r\n")), noResponse, timeout},
		"half an answer":    {"http://p", pipeTo(0, thenSilence("HTTP/1.1 2")), unreached, timeout},
		"half a second one": {"http://p", pipeTo(0, thenSilence("HTTP/1.1 102 P\r\n\r\nHT")), unreached, timeout},
		"another protocol":  {"http://p", pipeTo(0, thenSilence("HTTP/1.1 101 S\r\n\r\n")), tcpconnect.ReasonOther, 0},
		"a greeting":        {"http://p", pipeTo(0, thenSilence("\x4a\x00\x00\x00\x0b5.7")), unreached, 0},
		"no way":            {"http://p", pipeTo(time.Hour, nil), unreached, 8 * time.Second},
		"a SOCKS greeting":  {"socks5://p", pipeTo(0, silence), unreached, 8 * time.Second},
		"a TLS handshake":   {"https://p", pipeTo(0, silence), unreached, 8 * time.Second},
		"a SOCKS silence":   {"socks5://p", pipeTo(0, silentSOCKS()), noResponse, timeout},
		"half a reply":      {"socks5://p", pipeTo(0, silentSOCKS(5, 0)), unreached, timeout},
		"a reply cut later": {"socks5://p", pipeTo(0, silentSOCKS(5, 0, 0, 1, 0)), unreached, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				through, err := newProxyLink("egress", Proxy{URL: test.url}, 8*time.Second, test.reach)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				reason, err := ask(t, through, "db.internal:5432", timeout)
				expectAnswer(t, name, reason, err, test.want, "")
				if took := time.Since(start); took != test.within {
					t.Errorf("took %s, want %s", took, test.within)
				}
			})
		})
	}
}

// What does not speak the protocol of the URL may wait for more.
func TestSilenceBeforeTheRequestIsNotTheTargets(t *testing.T) {
	t.Parallel()
	half := func(conn net.Conn) {
		_, _ = io.CopyN(io.Discard, conn, 3) // the greeting, since a pipe holds nothing
		_, _ = conn.Write([]byte{5})
		silence(conn)
	}
	for name, test := range map[string]struct {
		url   string
		speak func(net.Conn)
	}{
		"SOCKS5": {"socks5://p", silence}, "half of SOCKS5": {"socks5://p", half},
		"HTTP, not SOCKS5": {"socks5://p", thenSilence("")}, "TLS": {"https://p", silence},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				through, err := newProxyLink("egress", Proxy{URL: test.url}, time.Minute, pipeTo(0, test.speak))
				if err != nil {
					t.Fatal(err)
				}
				reason, err := ask(t, through, "db.internal:5432", time.Second)
				expectAnswer(t, name, reason, err, tcpconnect.ReasonVantageUnreachable,
					"did not answer as a proxy does in time. Check the scheme")
			})
		})
	}
}

// silentSOCKS returns what a SOCKS5 proxy speaks that answers each request with some bytes and nothing more. It knows
// that the canary does not exist.
func silentSOCKS(reply ...byte) func(net.Conn) {
	return func(conn net.Conn) {
		if greetSOCKS(conn); readSOCKSRequest(conn) == canaryName {
			_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		_, _ = conn.Write(reply)
		silence(conn)
	}
}

// After the request was sent, silence is the target's, unless the proxy does not answer for the canary either.
func TestSilenceOfAProxyIsAskedAbout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		speak   func(net.Conn)
		silence tcpconnect.Reason
		answers tcpconnect.Reason // empty: it does
	}{
		"deaf":  {silence, tcpconnect.ReasonVantageUnreachable, tcpconnect.ReasonVantageUnreachable},
		"alive": {thenSilence(""), tcpconnect.ReasonNoResponse, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				through, err := newProxyLink("egress", Proxy{URL: "http://p"}, time.Minute, pipeTo(0, test.speak))
				if err != nil {
					t.Fatal(err)
				}
				reason, err := ask(t, through, "db.internal:5432", time.Second)
				expectAnswer(t, "silence", reason, err, test.silence, "")
				if gone := through.answers(t.Context(), err); reasonOf(gone) != test.answers {
					t.Errorf("the proxy was asked: %v", gone)
				}
			})
		})
	}
}

// A dial that waited for others for most of its time had too little left to call the target silent.
func TestWaitingForRoomIsNotTheTargetsSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		through, err := newProxyLink("egress", Proxy{URL: "http://p"}, time.Minute, pipeTo(0, thenSilence("")))
		if err != nil {
			t.Fatal(err)
		}
		var dials sync.WaitGroup
		for range proxyRoom {
			dials.Go(func() {
				reason, err := ask(t, through, "db.internal:5432", 6*time.Second)
				expectAnswer(t, "a dial with room", reason, err, tcpconnect.ReasonNoResponse, "")
			})
		}
		synctest.Wait()
		for timeout, want := range map[time.Duration]tcpconnect.Reason{
			5 * time.Second: tcpconnect.ReasonVantageLimit, // never had its turn
			8 * time.Second: tcpconnect.ReasonVantageLimit,
			time.Minute:     tcpconnect.ReasonNoResponse,
		} {
			dials.Go(func() {
				reason, err := ask(t, through, "db.internal:5432", timeout)
				expectAnswer(t, timeout.String(), reason, err, want, "")
			})
		}
		dials.Wait()
	})
}

// A wrong login, repeated by every dial, locks accounts.
func TestWrongLoginIsTriedOnce(t *testing.T) {
	t.Parallel()
	for scheme, speak := range map[string]func(net.Conn){
		"http": answering("HTTP/1.1 407 No\r\n\r\n"),
		"socks5": func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 4)
			_, _ = conn.Write([]byte{5, 2})
			_, _ = io.CopyN(io.Discard, conn, int64(3+len("ci")+len(canarySecret)))
			_, _ = conn.Write([]byte{1, 1})
		},
	} {
		var logins atomic.Int64
		through := linkTo(t, Proxy{URL: scheme + "://" + serve(t, func(conn net.Conn) {
			logins.Add(1)
			speak(conn)
		}), Username: "ci", Password: canarySecret})
		if err := through.reach(t.Context()); err != nil {
			t.Errorf("%s: %v before a dial", scheme, err)
		}
		var dials sync.WaitGroup
		for range 2 * proxyRoom {
			dials.Go(func() {
				reason, err := ask(t, through, "db.internal:5432", patient)
				expectAnswer(t, scheme, reason, err, "untrusted", "rejects the login")
			})
		}
		dials.Wait()
		for what, err := range map[string]error{
			"reach": through.reach(t.Context()), "answers": through.answers(t.Context(), nil),
		} {
			if _, isFatal := errors.AsType[*tcpconnect.VantagePointError](err); !isFatal {
				t.Errorf("%s: %s returns %v", scheme, what, err)
			}
		}
		if logins.Load() != 1 {
			t.Errorf("%s: %d logins", scheme, logins.Load())
		}
	}
}

// Once the proxy has taken the login, dials do not wait for each other.
func TestDialsWithALoginAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	const many = 5
	var first atomic.Bool
	arrived, answer := make(chan struct{}, many), make(chan struct{})
	through := linkTo(t, Proxy{URL: "http://ci:" + canarySecret + "@" + serve(t, func(conn net.Conn) {
		if first.CompareAndSwap(false, true) {
			answering("HTTP/1.1 502 No\r\n\r\n")(conn)
			return
		}
		arrived <- struct{}{}
		<-answer
		answering("HTTP/1.1 200 OK\r\n\r\n")(conn)
	})})
	reason, err := ask(t, through, canaryName+":443", patient)
	expectAnswer(t, "the first", reason, err, tcpconnect.ReasonOther, "502")
	var dials sync.WaitGroup
	for range many {
		dials.Go(func() {
			reason, err := ask(t, through, "db.internal:5432", patient)
			expectAnswer(t, "another", reason, err, tcpconnect.ReasonConnected, "")
		})
	}
	for range many {
		<-arrived
	}
	close(answer)
	dials.Wait()
}

// A dial that waits for the first login can't say anything about its target.
func TestDialsWaitForTheFirstLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := Proxy{URL: "http://p", Username: "ci", Password: canarySecret}
		through, err := newProxyLink("egress", config, time.Minute, pipeTo(0, thenSilence("")))
		if err != nil {
			t.Fatal(err)
		}
		var first sync.WaitGroup
		first.Go(func() {
			reason, err := ask(t, through, "db.internal:5432", 10*time.Second)
			expectAnswer(t, "the first", reason, err, tcpconnect.ReasonVantageUnreachable, "answered nothing else")
		})
		synctest.Wait()
		reason, err := ask(t, through, "db.internal:5432", 5*time.Second)
		expectAnswer(t, "the second", reason, err, tcpconnect.ReasonVantageUnreachable, "logs in first")
		first.Wait()
	})
}

// A proxy that could not be asked did not answer.
func TestLimitOnTheWayToAProxyIsNotItsAnswer(t *testing.T) {
	t.Parallel()
	limit := &tcpconnect.ReasonError{Reason: tcpconnect.ReasonLocalLimit, Err: syscall.EMFILE, Limit: "none left"}
	through, err := newProxyLink("egress", Proxy{URL: "http://p"}, time.Minute,
		func(context.Context, string) (net.Conn, error) { return nil, limit })
	if err != nil {
		t.Fatal(err)
	}
	if err := through.answers(t.Context(), nil); reasonOf(err) != tcpconnect.ReasonLocalLimit {
		t.Errorf("answers: %v", err)
	}
	_, err = through.dial(t.Context(), "db.internal:5432")
	if passed, ok := errors.AsType[*tcpconnect.ReasonError](err); !ok || passed != limit {
		t.Errorf("dial: %v", err)
	}
}

// TLS 1.3 ends the handshake before the proxy has looked for a certificate of the client.
func TestProxyThatWantsACertificateIsUnreachable(t *testing.T) {
	t.Parallel()
	certificate, authority := certificateFor(t, "127.0.0.1")
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	config := Proxy{URL: "https://" + serveOn(t, listener, answering("")), CACertificate: authority}
	reason, err := ask(t, linkTo(t, config), "db.internal:5432", patient)
	expectAnswer(t, "a certificate", reason, err, tcpconnect.ReasonVantageUnreachable, "certificate required")
}

// A proxy behind another is spoken to through the tunnel that the other opens, whatever arrives with its answer.
func TestProxyBehindAProxy(t *testing.T) {
	t.Parallel()
	certificate, authority := certificateFor(t, "127.0.0.1")
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	outer := linkTo(t, Proxy{URL: "http://" + serve(t, tunnelling(t))})
	for _, config := range []Proxy{
		{URL: "https://" + serveOn(t, listener, answering("HTTP/1.1 200 OK\r\n\r\n")), CACertificate: authority},
		{URL: "socks5://" + serve(t, socks(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))},
		{URL: "http://" + serve(t, tunnelling(t))},
	} {
		inner, err := newProxyLink("inner", config, time.Minute, outer.dial)
		if err != nil {
			t.Fatal(err)
		}
		address := serve(t, silence)
		reason, err := ask(t, inner, address, patient)
		expectAnswer(t, config.URL, reason, err, tcpconnect.ReasonConnected, "")
	}
}

// tunnelling returns what an HTTP proxy speaks that opens tunnels.
func tunnelling(t *testing.T) func(net.Conn) {
	t.Helper()
	return func(near net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(near))
		if err != nil {
			return
		}
		far, err := fromHere(t.Context(), request.Host)
		if err != nil {
			_, _ = io.WriteString(near, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
			return
		}
		defer far.Close() //nolint:errcheck // A test's server has nothing to lose.
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		}()
		_, _ = io.Copy(near, far)
	}
}
