// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// patient is longer than anything takes on a busy machine.
const patient = 30 * time.Second

// impatient is how long a test waits for a server that does not answer. It is too short for a login on a busy machine:
// see reachAtLast.
const impatient = 2 * time.Second

// sshAnswer is what a server says of a target. The zero value is silence.
type sshAnswer struct {
	opens   bool
	echoes  bool // what is sent through the channel
	code    ssh.RejectionReason
	text    string
	waitFor <-chan struct{} // the answer comes when it is closed
}

// sshServer is an SSH server. Its fields must not be changed after the first connection, except with the lock held.
type sshServer struct {
	ssh.ServerConfig
	address string
	serve   func(net.Conn) // what is done with a connection instead of SSH

	mu       sync.Mutex
	hostKeys []ssh.Signer
	targets  map[string]sshAnswer
	conns    []net.Conn
	sshConns []*ssh.ServerConn

	asked      chan string // the targets, as they are asked for
	accepted   atomic.Int64
	logins     atomic.Int64
	attempts   atomic.Int64 // logins and failed attempts, without "none"
	keepalives atomic.Int64
}

const testPassword = "correct horse battery staple"

// startSSH starts a server that knows one user by testPassword. It ends with the test.
func startSSH(tb testing.TB, configure func(*sshServer)) *sshServer {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &sshServer{address: listener.Addr().String(), asked: make(chan string, 10_000)}
	s.PasswordCallback = func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if string(password) != testPassword {
			return nil, errors.New("wrong")
		}
		return nil, nil
	}
	s.AuthLogCallback = func(_ ssh.ConnMetadata, method string, err error) {
		if method != "none" {
			s.attempts.Add(1)
		}
		if err == nil {
			s.logins.Add(1)
		}
	}
	s.hostKeys = []ssh.Signer{ed25519Key(tb)}
	if configure != nil {
		configure(s)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			if s.serve != nil {
				tasks.Go(func() { s.serve(conn) })
			} else {
				tasks.Go(func() { s.serveSSH(conn) })
			}
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		s.mu.Unlock()
		tasks.Wait()
	})
	return s
}

func (s *sshServer) serveSSH(conn net.Conn) {
	config := s.ServerConfig
	s.mu.Lock()
	for _, key := range s.hostKeys {
		config.AddHostKey(key)
	}
	s.mu.Unlock()
	server, channels, requests, err := ssh.NewServerConn(conn, &config)
	if err != nil {
		_ = conn.Close()
		return
	}
	s.mu.Lock()
	s.sshConns = append(s.sshConns, server)
	s.mu.Unlock()
	ended := make(chan struct{})
	var tasks sync.WaitGroup
	tasks.Go(func() {
		defer close(ended)
		for request := range requests {
			if request.Type == "keepalive@openssh.com" {
				s.keepalives.Add(1)
			}
			_ = request.Reply(false, nil)
		}
	})
	for channel := range channels {
		tasks.Go(func() { s.answer(channel, ended) })
	}
	tasks.Wait()
}

func (s *sshServer) answer(channel ssh.NewChannel, ended <-chan struct{}) {
	var target struct {
		Host       string
		Port       uint32
		Originator string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(channel.ExtraData(), &target); err != nil || channel.ChannelType() != "direct-tcpip" {
		_ = channel.Reject(ssh.UnknownChannelType, "")
		return
	}
	address := net.JoinHostPort(target.Host, strconv.Itoa(int(target.Port)))
	s.mu.Lock()
	answer := s.targets[address]
	s.mu.Unlock()
	s.asked <- address
	if answer.waitFor != nil {
		select {
		case <-answer.waitFor:
		case <-ended:
		}
	}
	switch {
	case answer.opens:
		stream, requests, err := channel.Accept()
		if err != nil {
			return
		}
		go func() {
			if answer.echoes {
				_, _ = io.Copy(stream, stream)
				_ = stream.Close()
			}
		}()
		ssh.DiscardRequests(requests)
		_ = stream.Close()
	case answer.code != 0:
		_ = channel.Reject(answer.code, answer.text)
	default:
		<-ended
	}
}

// connection returns the server's end of its only connection.
func (s *sshServer) connection(tb testing.TB) *ssh.ServerConn {
	tb.Helper()
	var conn *ssh.ServerConn
	eventually(tb, "the server has logged it in", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.sshConns) > 0 {
			conn = s.sshConns[0]
		}
		return conn != nil
	})
	return conn
}

// hangUp ends all connections.
func (s *sshServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}

// hostKey returns what host_key is set to.
func (s *sshServer) hostKey() string { return authorizedKey(s.hostKeys[0].PublicKey()) }

// config returns the arguments to log in with testPassword.
func (s *sshServer) config() SSH {
	return SSH{Host: s.address, User: "deploy", Password: testPassword, HostKey: s.hostKey()}
}

// dialTCP is the way from this machine.
func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// linkOf makes a link. It is closed with the test.
func linkOf(tb testing.TB, config SSH, connectTimeout time.Duration, reach reachFunc) *sshLink {
	tb.Helper()
	made, err := newSSHLink("bastion", config, connectTimeout, reach)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = made.close() })
	return made.(*sshLink)
}

// reachAtLast reaches the server of a link whose connect_timeout may be too short for one attempt.
func reachAtLast(tb testing.TB, link *sshLink) {
	tb.Helper()
	eventually(tb, "the server was reached", func() bool { return link.reach(within(tb, patient)) == nil })
}

// within returns a context that ends after a time.
func within(tb testing.TB, timeout time.Duration) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeout)
	tb.Cleanup(cancel)
	return ctx
}

func wantReason(tb testing.TB, err error, reason tcpconnect.Reason) {
	tb.Helper()
	if found, ok := errors.AsType[*tcpconnect.ReasonError](err); !ok || found.Reason != reason {
		tb.Errorf("the error is %v (%T), not %s", err, err, reason)
	}
}

// wantFatal returns the text of an error of trust or login.
func wantFatal(tb testing.TB, err error) string {
	tb.Helper()
	fatal, ok := errors.AsType[*tcpconnect.VantagePointError](err)
	if !ok || fatal.Name != "bastion" {
		tb.Fatalf("the error is %v (%T), not one of trust or login", err, err)
	}
	return fatal.Error()
}

// says reports whether an error has a text as a part. An empty text is for no error.
func says(err error, text string) bool {
	if text == "" || err == nil {
		return text == "" && err == nil
	}
	return strings.Contains(err.Error(), text)
}

// eventually waits for a condition that nothing announces.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patient)
	for !condition() {
		select {
		case <-ticker.C:
		case <-timeout:
			tb.Fatalf("in vain: %s", what)
		}
	}
}

// frozenConn is a connection whose link is dead as soon as frozen is closed: nothing comes, and what is sent is lost.
type frozenConn struct {
	net.Conn
	frozen <-chan struct{}
	closed chan struct{}
	once   sync.Once
}

// freezable returns the way from this machine, and a function that kills the links of all connections.
func freezable() (reach reachFunc, freeze func()) {
	frozen := make(chan struct{})
	reach = func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := dialTCP(ctx, address)
		if err != nil {
			return nil, err
		}
		return &frozenConn{Conn: conn, frozen: frozen, closed: make(chan struct{})}, nil
	}
	return reach, sync.OnceFunc(func() { close(frozen) })
}

func (c *frozenConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.frozen:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *frozenConn) Write(b []byte) (int, error) {
	select {
	case <-c.frozen:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

func (c *frozenConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func signerOf(tb testing.TB, key any) ssh.Signer {
	tb.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

func ed25519Key(tb testing.TB) ssh.Signer {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signerOf(tb, key)
}

func ecdsaKey(tb testing.TB) ssh.Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signerOf(tb, key)
}

var rsaTestKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func rsaKey(tb testing.TB) ssh.Signer {
	tb.Helper()
	key, err := rsaTestKey()
	if err != nil {
		tb.Fatal(err)
	}
	return signerOf(tb, key)
}

// privateKey returns a new private key as text, encrypted if there is a passphrase, and its signer.
func privateKey(tb testing.TB, passphrase string) (string, ssh.Signer) {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signerOf(tb, key)
}

// certificateOf returns a certificate of a key.
func certificateOf(
	tb testing.TB, key ssh.PublicKey, authority ssh.Signer, kind uint32, end time.Time, principals ...string,
) *ssh.Certificate {
	tb.Helper()
	certificate := &ssh.Certificate{
		Key: key, CertType: kind, ValidPrincipals: principals, ValidBefore: uint64(end.Unix()),
		Nonce: []byte("nonce"),
	}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		tb.Fatal(err)
	}
	return certificate
}

// allow lets users log in with keys.
func allow(keys ...ssh.PublicKey) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
	return func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		isAllowed := slices.ContainsFunc(keys, func(allowed ssh.PublicKey) bool {
			return string(allowed.Marshal()) == string(key.Marshal())
		})
		if !isAllowed {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}
}
