// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// connectProtocol is the method CONNECT of HTTP/1.1: RFC 9110, section 9.3.6.
type connectProtocol struct{ username, password string }

func (connectProtocol) login(net.Conn) error { return nil } // is part of the request

func (p connectProtocol) send(conn net.Conn, host, port string) error {
	address := net.JoinHostPort(host, port)
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if p.username != "" {
		request += "Proxy-Authorization: Basic " + p.basic() + "\r\n"
	}
	_, err := io.WriteString(conn, request+"\r\n")
	return err
}

// basic returns the credentials as they are sent: RFC 7617, section 2.
func (p connectProtocol) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(p.username + ":" + p.password))
}

// words returns a text of the proxy for people. One that repeats the login must not bring it into an error. A username
// without a password may be a token.
func (p connectProtocol) words(text string) string {
	if p.username != "" {
		text = strings.NewReplacer(p.basic(), "***", cmp.Or(p.password, p.username), "***").Replace(text)
	}
	return printable(text)
}

// Limits of an answer.
const (
	longestHeader = 64 << 10 // bytes
	mostInterim   = 10       // answers of the kind 1xx (RFC 9110, section 15.2)
)

func (p connectProtocol) receive(conn *bufferedConn, _ string) error {
	watched := &watchedReader{Reader: conn.Conn}
	limited := &io.LimitedReader{R: watched, N: longestHeader}
	reader := bufio.NewReaderSize(limited, 4096)
	for range mostInterim {
		left := limited.N + int64(reader.Buffered())
		// Without it, one that speaks first and sends no line, such as a database, would look like a silent proxy.
		if start, _ := reader.Peek(len("HTTP/")); string(start) != "HTTP/"[:len(start)] {
			return errNotHTTP
		}
		answer, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
		switch {
		case err == nil && (answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols):
			// The body is left alone: to close it would wait for the end of a tunnel.
			early, _ := reader.Peek(reader.Buffered()) // has that many
			conn.unread = bytes.NewReader(bytes.Clone(early))
			return p.judge(answer)
		case err == nil: // 1xx
		case limited.N == 0:
			return unreachable("the answer of the proxy has more than %d bytes", longestHeader)
		case watched.err != nil:
			return &cutAnswer{hasBegun: left > limited.N, err: watched.err}
		default:
			return errNotHTTP
		}
	}
	return unreachable("the proxy sends one interim answer after the other")
}

var errNotHTTP = unreachable("what answers does not speak HTTP, so it is no HTTP proxy. %s", checkURL)

// watchedReader notes the error of a reader.
type watchedReader struct {
	io.Reader
	err error
}

// Read reads.
func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.err = err
	return n, err
}

// judge returns what an answer tells.
func (p connectProtocol) judge(answer *http.Response) error {
	words := "the proxy said " + strconv.Quote(p.words(answer.Proto+" "+answer.Status))
	isTunnel := answer.StatusCode >= 200 && answer.StatusCode < 300
	switch {
	case isTunnel && (answer.ContentLength > 0 || len(answer.TransferEncoding) > 0):
		return told(tcpconnect.ReasonOther, "%s, with a body, so it opened no tunnel. It may be a web server, "+
			"not a proxy", words)
	case isTunnel:
		return nil
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return p.rejected(answer)
	}
	if reason, detail, ok := p.fromProxyStatus(answer.Header.Values("Proxy-Status")); ok {
		return toldOrLimited(reason, words+" and "+detail)
	}
	if detail := answer.Header.Get("X-Squid-Error"); detail != "" {
		words += " and " + strconv.Quote(p.words(detail))
		if reason, ok := squidReasons[detail]; ok {
			return told(reason, "%s", words)
		}
	}
	if answer.StatusCode == http.StatusForbidden {
		return told(tcpconnect.ReasonVantageProhibited, "%s", words)
	}
	return told(tcpconnect.ReasonOther, "%s, which does not tell why", words)
}

// rejected says that the proxy does not let this machine in.
func (p connectProtocol) rejected(answer *http.Response) error {
	schemes := offeredSchemes(answer.Header.Values("Proxy-Authenticate"))
	offers := " It does not say how."
	if len(schemes) > 0 {
		offers = fmt.Sprintf(" It offers %s.", p.words(strings.Join(schemes, ", ")))
	}
	if p.username == "" {
		return fmt.Errorf("The proxy asks for a login (407).%s Set username and password in the proxy block; this "+
			"provider can use Basic.", offers)
	}
	isBasic := func(scheme string) bool { return strings.EqualFold(scheme, "Basic") }
	if slices.ContainsFunc(schemes, isBasic) {
		offers = "" // so it did take the login for what it is
	} else {
		offers += " This provider can use only Basic."
	}
	return fmt.Errorf("The proxy rejects the login%s (407).%s Check username and password in the proxy block.",
		ofUser(p.username, p.password), offers)
}

// offeredSchemes returns the schemes of challenges: RFC 9110, section 11.6.1.
func offeredSchemes(challenges []string) (schemes []string) {
	for _, challenge := range challenges {
		isQuoted := false
		for part := range strings.FieldsFuncSeq(challenge, func(r rune) bool {
			isQuoted = isQuoted != (r == '"')
			return r == ',' && !isQuoted
		}) {
			words := strings.Fields(part)
			if len(words) > 0 && !strings.Contains(words[0], "=") && !slices.Contains(schemes, words[0]) {
				schemes = append(schemes, words[0])
			}
		}
	}
	return schemes
}

// squidReasons are what X-Squid-Error tells of a failed connection, with errno values of Linux.
var squidReasons = map[string]tcpconnect.Reason{
	"ERR_CONNECT_FAIL 13":  tcpconnect.ReasonProhibited,
	"ERR_CONNECT_FAIL 101": tcpconnect.ReasonNetworkUnreachable,
	"ERR_CONNECT_FAIL 104": tcpconnect.ReasonReset,
	"ERR_CONNECT_FAIL 110": tcpconnect.ReasonNoResponse,
	"ERR_CONNECT_FAIL 111": tcpconnect.ReasonRefused,
	"ERR_CONNECT_FAIL 113": tcpconnect.ReasonHostUnreachable,
}

// proxyErrors are the error types of Proxy-Status (RFC 9209, section 2.3) that tell what happened.
var proxyErrors = map[string]tcpconnect.Reason{
	"connection_refused":        tcpconnect.ReasonRefused,
	"connection_timeout":        tcpconnect.ReasonNoResponse,
	"dns_timeout":               tcpconnect.ReasonDNSTimeout,
	"dns_error":                 tcpconnect.ReasonDNSFailure,
	"destination_ip_unroutable": tcpconnect.ReasonNetworkUnreachable,
	"destination_ip_prohibited": tcpconnect.ReasonVantageProhibited,
	"connection_limit_reached":  tcpconnect.ReasonVantageLimit,
	"http_request_denied":       tcpconnect.ReasonVantageProhibited,
}

// fromProxyStatus returns the reason that a Proxy-Status header tells: RFC 9209. It is not ok if no proxy on the way,
// or more than one, tells an error.
func (p connectProtocol) fromProxyStatus(header []string) (reason tcpconnect.Reason, words string, ok bool) {
	members, err := httpsfv.UnmarshalList(header)
	if err != nil {
		return "", "", false
	}
	for _, member := range members {
		item, isItem := member.(httpsfv.Item)
		if !isItem || item.Params == nil {
			continue
		}
		name, has := parameter(item, "error")
		if !has {
			continue
		}
		if words != "" {
			return "", "", false
		}
		reason, words = proxyErrors[name], fmt.Sprintf("Proxy-Status %q", p.words(name))
		if code, _ := parameter(item, "rcode"); name == "dns_error" && code == "NXDOMAIN" {
			reason, words = tcpconnect.ReasonNoSuchHost, words+" with "+code
		}
	}
	return reason, words, reason != ""
}

// parameter returns a parameter of an item that is a token or a string.
func parameter(item httpsfv.Item, name string) (string, bool) {
	value, has := item.Params.Get(name)
	switch value := value.(type) {
	case httpsfv.Token:
		return string(value), has
	case string:
		return value, has
	default:
		return "", false
	}
}

// toldOrLimited is told, with what is worth waiting for if the reason is a limit.
func toldOrLimited(reason tcpconnect.Reason, words string) error {
	failure := &tcpconnect.ReasonError{Reason: reason, Err: errors.New(words)}
	if reason == tcpconnect.ReasonVantageLimit {
		failure.Limit = "the proxy had no connection"
	}
	return failure
}
