// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// proxyRoom is how many dials through a proxy can be in flight: proxies accept few connections at once.
const proxyRoom = 32

// proxyPorts are the ports of URLs that name none, by scheme.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080"}

// ParseProxyURL parses the URL of a proxy: http, https or socks5, a host, and nothing after it. If there is no port, it
// is 80, 443 or 1080. The error never shows the URL, which may hold a password.
func ParseProxyURL(text string) (*url.URL, error) {
	const form = `Write it as scheme://host:port, for example "http://proxy.internal:3128" or "socks5://10.0.0.5:1080".`
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if !hasScheme {
		return nil, errors.New("The URL of the proxy has no scheme. " + form)
	}
	schemes := []string{"http", "https", "socks5"}
	if !isScheme(scheme) {
		return nil, errors.New("What stands before :// in the URL of the proxy is no scheme. " + form)
	}
	if _, known := proxyPorts[strings.ToLower(scheme)]; !known {
		hint := suggest.Question(scheme, schemes)
		if strings.EqualFold(scheme, "socks5h") {
			hint = " With socks5, the proxy resolves names unless resolve says otherwise."
		}
		return nil, fmt.Errorf("%q is not the scheme of a proxy. Use %s.%s", scheme, suggest.Choice(schemes), hint)
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("The URL of the proxy can't be parsed. A password in it must be percent-encoded. It " +
			"is better to set username and password. " + form)
	}
	if parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "" ||
		parsed.Fragment != "" || strings.ContainsAny(rest, " \t\r\n") {
		return nil, errors.New("The URL of a proxy is a host and a port, and nothing after it. " + form)
	}
	parsed.Scheme = strings.ToLower(scheme)
	if parsed.Port() == "" {
		parsed.Host = net.JoinHostPort(parsed.Hostname(), proxyPorts[parsed.Scheme])
	}
	if _, err := tcpconnect.ParseAddress(parsed.Host); err != nil {
		return nil, fmt.Errorf("The URL of the proxy names no address: %w", err)
	}
	return parsed, nil
}

// isScheme reports whether a text has the form of a scheme: RFC 3986, section 3.1.
var isScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`).MatchString

// ParseCACertificates parses certificates of authorities in PEM form.
func ParseCACertificates(text string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	rest := []byte(text)
	for number := 1; ; number++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && number == 1:
			return nil, errors.New("The value holds no certificate in PEM form. Write what begins with -----BEGIN " +
				"CERTIFICATE-----, or read it with file().")
		case block == nil && bytes.Contains(rest, []byte("-----BEGIN")):
			return nil, fmt.Errorf("Block %d of the value is damaged. Copy the whole certificate, "+
				"from BEGIN to END.", number)
		case block == nil:
			return pool, nil
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("Block %d of the value is not a certificate. Write certificates of authorities "+
				"only.", number)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("Block %d of the value is not a valid certificate. Copy all of it again.", number)
		}
		pool.AddCert(certificate)
	}
}

// Validate returns what is wrong with the arguments.
func (p Proxy) Validate() (problems []Problem) {
	add := func(argument, text string) { problems = append(problems, Problem{argument, text}) }
	parsed, err := ParseProxyURL(p.URL)
	if err != nil {
		add("url", err.Error())
	}
	if p.CACertificate != "" {
		if _, err := ParseCACertificates(p.CACertificate); err != nil {
			add("ca_certificate", err.Error())
		} else if parsed != nil && parsed.Scheme != "https" {
			add("ca_certificate", "ca_certificate verifies a proxy that is spoken to by TLS. Write url with https, or "+
				"leave ca_certificate out.")
		}
	}
	switch hasOwn := p.Username != "" || p.Password != ""; {
	case parsed != nil && parsed.User != nil && hasOwn:
		add("url", "The credentials stand both in the URL and beside it. Leave them out of the URL.")
	case p.Password != "" && p.Username == "":
		add("username", "A password needs a username.")
	}
	if len(problems) == 0 {
		p.validateCredentials(parsed, add)
	}
	return problems
}

func (p Proxy) validateCredentials(parsed *url.URL, add func(argument, text string)) {
	username, password := p.credentials(parsed)
	inUsername, inPassword := "username", "password"
	if parsed.User != nil {
		inUsername, inPassword = "url", "url"
	}
	const noControl = "The %s holds a control character, such as the newline at the end of a file. Remove it, for " +
		"example with trimspace()."
	switch {
	case username == "" && password != "":
		add(inUsername, "A password needs a username.")
	case strings.ContainsFunc(username, unicode.IsControl):
		add(inUsername, fmt.Sprintf(noControl, "username"))
	case strings.ContainsFunc(password, unicode.IsControl):
		add(inPassword, fmt.Sprintf(noControl, "password"))
	case parsed.Scheme != "socks5" && strings.Contains(username, ":"):
		add(inUsername, "A username for an HTTP proxy can't hold a colon, which ends it there (RFC 7617, section 2).")
	case parsed.Scheme == "socks5" && len(username) > 255:
		add(inUsername, "A SOCKS5 proxy takes no username of more than 255 bytes (RFC 1929).")
	case parsed.Scheme == "socks5" && len(password) > 255:
		add(inPassword, "A SOCKS5 proxy takes no password of more than 255 bytes (RFC 1929).")
	}
}

// credentials returns those of the URL or those beside it.
func (p Proxy) credentials(parsed *url.URL) (name, password string) {
	if parsed.User == nil {
		return p.Username, p.Password
	}
	password, _ = parsed.User.Password()
	return parsed.User.Username(), password
}

// proxyLink asks a proxy. Each dial is a connection of its own.
type proxyLink struct {
	name           string // of the vantage point
	connectTimeout time.Duration
	address        string      // of the proxy
	tls            *tls.Config // nil: no TLS
	connect        reachFunc
	protocol       proxyProtocol

	inFlight chan struct{}             // one element for each dial
	asked    flight                    // whether the proxy still answers
	heard    atomic.Pointer[exchanged] // the last answer to that; nil: none

	// Until the proxy has let this machine in once, one dial at a time logs in: a wrong password that many dials repeat
	// locks accounts.
	loggingIn chan struct{} // one element while a dial does
	letIn     chan struct{} // closed when the proxy has let this machine in, or asks for no login
	letInOnce sync.Once
	distrust  atomic.Pointer[tcpconnect.VantagePointError] // remembered for the run; nil: none
}

// proxyProtocol is what is spoken with a proxy.
type proxyProtocol interface {
	// login greets the proxy and logs in, if that comes before the request. The error is a *distrust if the proxy does
	// not let this machine in.
	login(conn net.Conn) error

	// send sends the request to connect to host:port. An error that tells why it has no form is a
	// *tcpconnect.ReasonError.
	send(conn net.Conn, host, port string) error

	// receive reads the answer. The error tells it as a *tcpconnect.ReasonError, is nil if the far end connected, a
	// *cutAnswer if there is no whole answer, and another one if the proxy does not let this machine in.
	receive(conn *bufferedConn, host string) error
}

func newProxyLink(name string, config Proxy, connectTimeout time.Duration, reach reachFunc) (link, error) {
	if problems := config.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Argument, problems[0].Text)
	}
	parsed, err := ParseProxyURL(config.URL)
	if err != nil {
		return nil, err
	}
	l := &proxyLink{
		name: name, connectTimeout: connectTimeout, address: parsed.Host, connect: reach,
		inFlight: make(chan struct{}, proxyRoom), loggingIn: make(chan struct{}, 1), letIn: make(chan struct{}),
	}
	username, password := config.credentials(parsed)
	if username == "" {
		l.noteLetIn()
	}
	l.protocol = connectProtocol{username, password}
	switch parsed.Scheme {
	case "socks5":
		l.protocol = socksProtocol{username, password}
	case "https":
		l.tls = &tls.Config{ServerName: parsed.Hostname()}
		if config.CACertificate != "" {
			if l.tls.RootCAs, err = ParseCACertificates(config.CACertificate); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

func (l *proxyLink) room() int    { return proxyRoom }
func (l *proxyLink) close() error { return nil }

// reach connects to nothing, since each dial does. Its error is what is known about trust and login.
func (l *proxyLink) reach(context.Context) error {
	if known := l.distrust.Load(); known != nil {
		return known
	}
	return nil
}

// answers asks for the canary: an answer of any kind will do.
func (l *proxyLink) answers(ctx context.Context, _ error) error {
	return l.answersSince(ctx, time.Now())
}

// exchanged is a question about the canary that the proxy has answered.
type exchanged struct {
	asked, answered time.Time
	told            tcpconnect.Reason
}

// dialled are the reasons of a failed connection of the proxy.
var dialled = []tcpconnect.Reason{
	tcpconnect.ReasonRefused, tcpconnect.ReasonNoResponse, tcpconnect.ReasonHostUnreachable,
	tcpconnect.ReasonNetworkUnreachable, tcpconnect.ReasonProhibited, tcpconnect.ReasonReset,
}

// confirmDial returns an error if what the proxy said about a connection may be about another proxy that it forwards
// to: it says so of the canary too, which cannot be dialled. since is when the request was sent.
func (l *proxyLink) confirmDial(ctx context.Context, since time.Time) error {
	if err := l.answersSince(ctx, since); err != nil {
		if reasonOf(err) != "" || l.distrust.Load() != nil {
			return err
		}
		return unreachable("the proxy was not asked before the timeout whether it dials targets itself")
	}
	if last := l.heard.Load(); slices.Contains(dialled, last.told) {
		return unreachable("the proxy says %q of a name that cannot exist too. It may speak of another proxy that it "+
			"forwards to", string(last.told))
	}
	return nil
}

// answersSince is answers, if callers may share a question that was asked at a time or later.
func (l *proxyLink) answersSince(ctx context.Context, since time.Time) error {
	return l.asked.do(ctx, since, func(ctx context.Context) error {
		if err := l.reach(ctx); err != nil {
			return err
		}
		asked := time.Now()
		ctx, cancel := context.WithTimeout(ctx, l.connectTimeout)
		defer cancel()
		conn, err := l.open(ctx)
		if err != nil {
			return err // the proxy was not asked
		}
		_, err = l.request(ctx, conn, canaryName, "443")
		_ = conn.Close() // nothing was written, so nothing can be lost
		_, isFatal := errors.AsType[*tcpconnect.VantagePointError](err)
		switch {
		case errors.Is(err, errSilence):
			return unreachable("the proxy does not answer any more")
		case isFatal, reasonOf(err) == tcpconnect.ReasonVantageUnreachable:
			return err
		default:
			l.heard.Store(&exchanged{asked, time.Now(), reasonOf(err)})
			return nil
		}
	})
}

// hear asks for the canary while a dial waits. The function that it returns ends that, and says when the proxy answered
// a question that was asked after the dial. It is not ok if it answered none. A proxy that serves as many clients as it
// may accepts connections, and leaves them alone until it can serve them in turn.
func (l *proxyLink) hear(ctx context.Context) (end func() (at time.Time, ok bool)) {
	deadline, isBounded := ctx.Deadline()
	if !isBounded {
		return func() (time.Time, bool) { return time.Time{}, false } // the dial was cancelled
	}
	since := time.Now()
	known := func() (time.Time, bool) {
		last := l.heard.Load()
		if last == nil || last.asked.Before(since) {
			return time.Time{}, false
		}
		return last.answered, true
	}
	ctx, cancel := context.WithCancel(ctx)
	var at time.Time
	done := make(chan struct{})
	timer := time.AfterFunc(time.Until(deadline)/10, func() {
		defer close(done)
		var isKnown bool
		if at, isKnown = known(); !isKnown && l.hasLetIn() && l.answersSince(ctx, since) == nil {
			at, _ = known()
		}
	})
	return func() (time.Time, bool) {
		cancel()
		if !timer.Stop() {
			<-done
		}
		return at, !at.IsZero()
	}
}

// dial asks the proxy to connect to host:port, when there is room for it.
func (l *proxyLink) dial(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, told(tcpconnect.ReasonOther, "%v", err)
	}
	if strings.Contains(host, "%") {
		return nil, told(tcpconnect.ReasonOther, "a zone such as %s means nothing at the proxy", host)
	}
	start := time.Now()
	leave, err := l.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	turn := time.Now()
	conn, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	endHearing := l.hear(ctx)
	sent, err := l.request(ctx, conn, host, port)
	heard, isHeard := endHearing()
	if err == nil {
		return conn, nil
	}
	_ = conn.Close() // nothing was written that matters
	switch {
	case slices.Contains(dialled, reasonOf(err)):
		return nil, cmp.Or(l.confirmDial(ctx, sent), err)
	case !errors.Is(err, errSilence):
		return nil, err
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, told(tcpconnect.ReasonNoResponse, "%v", errSilence) // which nobody judges
	case !isHeard:
		heard = time.Now()
	}
	return nil, describeSilence(turn.Sub(start), sent.Sub(turn), heard.Sub(sent), time.Since(heard))
}

// takeTurn waits until a dial may begin. The caller must leave in the end.
func (l *proxyLink) takeTurn(ctx context.Context) (leave func(), err error) {
	select {
	case l.inFlight <- struct{}{}:
		leave = func() { <-l.inFlight }
	case <-ctx.Done():
		return nil, told(tcpconnect.ReasonVantageLimit,
			"too many other dials were in flight through the proxy until the timeout")
	}
	select {
	case <-l.letIn:
	default:
		select {
		case <-l.letIn:
		case l.loggingIn <- struct{}{}:
			leave = func() { <-l.loggingIn; <-l.inFlight }
		case <-ctx.Done():
			leave()
			return nil, unreachable("the proxy did not yet answer the dial that logs in first")
		}
	}
	if err := l.reach(ctx); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// errSilence is the error of a proxy that did not answer a request before the context ended.
var errSilence = errors.New("the proxy did not answer in time")

// describeSilence returns the error of a dial that the proxy did not answer. If its turn, the way to the proxy and the
// time until the proxy answered anything took more time than the target had, the silence shows nothing about the
// target.
func describeSilence(waiting, reaching, hearing, asking time.Duration) error {
	switch {
	case asking >= waiting+reaching+hearing:
		return told(tcpconnect.ReasonNoResponse, "%v", errSilence)
	case hearing > waiting+reaching:
		return unreachable("the proxy answered nothing else for most of the time, so its silence shows nothing")
	case waiting > reaching:
		return told(tcpconnect.ReasonVantageLimit,
			"the dial waited for other dials through the proxy for most of its time, so its silence shows nothing")
	default:
		return unreachable("it took most of the time to reach the proxy, so its silence shows nothing")
	}
}

// request asks the proxy to connect to host:port, and returns when the request was sent.
func (l *proxyLink) request(ctx context.Context, conn *bufferedConn, host, port string) (sent time.Time, err error) {
	stop := closeAtEnd(ctx, conn)
	unsent := l.protocol.send(conn, host, port)
	sent = time.Now()
	if unsent == nil {
		err = l.protocol.receive(conn, host)
	}
	isOver := !stop()
	_, isKnown := errors.AsType[*tcpconnect.ReasonError](cmp.Or(unsent, err))
	cut, isCut := errors.AsType[*cutAnswer](err)
	switch {
	case unsent != nil && isKnown:
		return sent, unsent
	case unsent != nil:
		return sent, unreachable("the request could not be sent to the proxy")
	case isCut && isOver && cut.hasBegun:
		return sent, unreachable("the proxy began an answer, but did not complete it in time")
	case isCut && isOver:
		return sent, errSilence
	case isCut:
		return sent, cut.describe()
	case err != nil && !isKnown:
		return sent, l.untrusted(err)
	}
	if reasonOf(err) != tcpconnect.ReasonVantageUnreachable {
		l.noteLetIn()
	}
	return sent, err
}

// cutAnswer is the error of a connection that ended before the answer of the proxy was whole.
type cutAnswer struct {
	hasBegun bool
	err      error // of the connection
}

func (c *cutAnswer) Error() string { return c.err.Error() }

// describe returns what it means if the context did not end the connection.
func (c *cutAnswer) describe() error {
	_, isSystem := errors.AsType[syscall.Errno](c.err) // such as a reset
	switch {
	case !isSystem && !errors.Is(c.err, io.EOF) && !errors.Is(c.err, io.ErrUnexpectedEOF):
		return speechFailed(c.err) // such as an alert of TLS
	case c.hasBegun:
		return told(tcpconnect.ReasonOther, "the proxy closed the connection in the middle of its answer")
	default:
		return told(tcpconnect.ReasonOther, "the proxy closed the connection without an answer")
	}
}

// hasLetIn reports whether the proxy has let this machine in.
func (l *proxyLink) hasLetIn() bool {
	select {
	case <-l.letIn:
		return true
	default:
		return false
	}
}

func (l *proxyLink) noteLetIn() { l.letInOnce.Do(func() { close(l.letIn) }) }

// open connects to the proxy and logs in.
func (l *proxyLink) open(ctx context.Context) (*bufferedConn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.connectTimeout)
	defer cancel()
	conn, err := l.connect(ctx, l.address)
	if err != nil {
		return nil, err
	}
	stop := closeAtEnd(ctx, conn)
	if conn, err = l.secure(conn); err == nil {
		err = l.protocol.login(conn)
	}
	isOver := !stop()
	if err == nil && !isOver {
		return newBufferedConn(conn), nil
	}
	_ = conn.Close() // nothing was written that matters
	switch untrusted, isUntrusted := errors.AsType[*distrust](err); {
	case isOver:
		return nil, unreachable("%s was reached, but did not answer as a proxy does in time. %s", l.address, checkURL)
	case isUntrusted:
		return nil, l.untrusted(untrusted)
	default:
		return nil, speechFailed(err)
	}
}

// checkURL says what to do if what answers is no proxy of the kind that it should be.
const checkURL = "Check the scheme and the port of url"

// speechFailed returns the error that the connection to the proxy failed, without its addresses.
func speechFailed(err error) error {
	if failure, ok := errors.AsType[*net.OpError](err); ok {
		err = failure.Err
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return unreachable("the proxy does not speak TLS. %s", checkURL)
	}
	return unreachable("speak with the proxy: %s", printable(err.Error()))
}

// secure speaks TLS if the proxy does. It returns the connection in any case.
func (l *proxyLink) secure(conn net.Conn) (net.Conn, error) {
	if l.tls == nil {
		return conn, nil
	}
	secured := tls.Client(conn, l.tls)
	err := secured.Handshake() // bounded, since the connection is closed when the context ends
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		err = &distrust{describeServer(invalid)}
	}
	return secured, err
}

func describeServer(invalid *tls.CertificateVerificationError) error {
	certificate := invalid.UnverifiedCertificates[0]
	return fmt.Errorf("The certificate of the proxy can't be verified: %s. It is for %q, was issued by %q and is "+
		"valid until %s. Set ca_certificate to the certificate of its authority, if that is the right one, and the "+
		"host of url to a name that the certificate is for.",
		printable(invalid.Err.Error()), printable(certificate.Subject.String()),
		printable(certificate.Issuer.String()), certificate.NotAfter.UTC().Format(time.DateOnly))
}

// distrust says why a proxy can't be asked: who it is, or whom it lets in.
type distrust struct{ err error }

func (d *distrust) Error() string { return d.err.Error() }

// untrusted returns the error that the proxy can't be asked, and remembers it.
func (l *proxyLink) untrusted(err error) error {
	l.distrust.CompareAndSwap(nil, &tcpconnect.VantagePointError{Name: l.name, Err: err})
	return l.distrust.Load()
}

// ofUser returns whose login it is. A username without a password may be a token, which is a secret.
func ofUser(username, password string) string {
	if password == "" {
		return ""
	}
	return fmt.Sprintf(" of %q", printable(username))
}

// closeAtEnd closes a connection when the context ends. What it returns keeps that from happening, and reports false if
// it has happened.
func closeAtEnd(ctx context.Context, conn net.Conn) (stop func() bool) {
	stopped := make(chan struct{})
	stopClosing := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = conn.Close() // ends reads and writes
	})
	return func() bool {
		if stopClosing() {
			return true
		}
		<-stopped
		return false
	}
}

// bufferedConn is a connection to a proxy of which more may have been read than the answer. Its addresses are those of
// the connection to the proxy, so it shows none.
type bufferedConn struct {
	net.Conn
	unread *bytes.Reader
}

func newBufferedConn(conn net.Conn) *bufferedConn { return &bufferedConn{conn, bytes.NewReader(nil)} }

// Read reads what was read too early first.
func (c *bufferedConn) Read(p []byte) (int, error) {
	if c.unread.Len() > 0 {
		return c.unread.Read(p)
	}
	return c.Conn.Read(p)
}

// LocalAddr returns nil: the address of this end of the tunnel is not known.
func (c *bufferedConn) LocalAddr() net.Addr { return nil }

// RemoteAddr returns nil: the address of the other end of the tunnel is not known.
func (c *bufferedConn) RemoteAddr() net.Addr { return nil }
