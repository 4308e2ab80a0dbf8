// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// serve runs a server on a free port of this machine until the test ends. speak has each connection to itself.
func serve(t *testing.T, speak func(conn net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, speak)
}

func serveOn(t *testing.T, listener net.Listener, speak func(conn net.Conn)) (address string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() {
		stop()
		_ = listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go func() {
				defer conn.Close() //nolint:errcheck // A test's server has nothing to lose.
				speak(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// answering returns what a proxy speaks that answers each CONNECT with a text. It knows that the canary does not exist.
func answering(text string) func(net.Conn) {
	return func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err == nil && strings.HasPrefix(request.Host, canaryName) {
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		} else if err == nil {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// silence reads until the other side closes.
func silence(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// socks returns what a SOCKS5 proxy speaks that takes no login and answers each request with some bytes. It knows that
// the canary does not exist.
func socks(reply ...byte) func(net.Conn) {
	return func(conn net.Conn) {
		if greetSOCKS(conn); readSOCKSRequest(conn) == canaryName {
			_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		_, _ = conn.Write(reply)
	}
}

// greetSOCKS takes no login.
func greetSOCKS(conn net.Conn) {
	greeting := make([]byte, 2)
	if _, err := io.ReadFull(conn, greeting); err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, int64(greeting[1]))
	_, _ = conn.Write([]byte{5, 0})
}

// readSOCKSRequest reads a request and returns its host.
func readSOCKSRequest(conn net.Conn) (host string) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return ""
	}
	length := map[byte]int{1: 3, 4: 15, 3: int(head[4])}[head[3]]
	rest := make([]byte, length+2)
	_, _ = io.ReadFull(conn, rest)
	if head[3] == 3 {
		return string(rest[:length])
	}
	return net.IP(append(head[4:], rest[:length]...)).String()
}

// linkTo returns a link to a proxy, reached from this machine.
func linkTo(t *testing.T, config Proxy) link {
	t.Helper()
	made, err := newProxyLink("egress", config, time.Minute, fromHere)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// ask dials a target through a link and returns the reason of the error. A distrusted proxy is told apart.
func ask(t *testing.T, through link, address string, timeout time.Duration) (tcpconnect.Reason, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	conn, err := through.dial(ctx, address)
	if err == nil {
		_ = conn.Close()
		return tcpconnect.ReasonConnected, nil
	}
	if untrusted, ok := errors.AsType[*tcpconnect.VantagePointError](err); ok {
		return "untrusted", untrusted
	}
	reason := reasonOf(err)
	if reason == "" {
		t.Errorf("an error without a reason: %v", err)
	}
	return reason, err
}

func expectAnswer(t *testing.T, what string, reason tcpconnect.Reason, err error, want tcpconnect.Reason, text string) {
	t.Helper()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if reason != want || !strings.Contains(said, text) || revealsSecret(said) {
		t.Errorf("%s: %s (%s), want %s (%s)", what, reason, said, want, text)
	}
}

// canarySecret must never be seen.
const canarySecret = "c4nary-s3cret"

// revealsSecret reports whether a text holds canarySecret, or it as the password of "ci" in the form of Basic.
func revealsSecret(text string) bool {
	return strings.Contains(text, canarySecret) ||
		strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("ci:"+canarySecret)))
}
