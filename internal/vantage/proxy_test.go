// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestConnectTellsWhatTheProxyTells(t *testing.T) {
	t.Parallel()
	squid := func(code string) string {
		return "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: " + code + "\r\nContent-Length: 0\r\n\r\n"
	}
	status := func(values ...string) string {
		return "HTTP/1.1 502 Bad Gateway\r\nProxy-Status: " + strings.Join(values, "\r\nProxy-Status: ") + "\r\n\r\n"
	}
	for answer, want := range map[string]tcpconnect.Reason{
		"HTTP/1.1 200 Connection established\r\n\r\n":                        tcpconnect.ReasonConnected,
		"HTTP/1.0 204 No\r\nContent-Length: 0\r\n\r\n":                       tcpconnect.ReasonConnected,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nSSH-2.0-early":  tcpconnect.ReasonConnected,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":                  tcpconnect.ReasonOther,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":     tcpconnect.ReasonOther,
		squid("ERR_CONNECT_FAIL 111"):                                        tcpconnect.ReasonRefused,
		squid("ERR_CONNECT_FAIL 113"):                                        tcpconnect.ReasonHostUnreachable,
		squid("ERR_CONNECT_FAIL 101"):                                        tcpconnect.ReasonNetworkUnreachable,
		squid("ERR_CONNECT_FAIL 110"):                                        tcpconnect.ReasonNoResponse,
		squid("ERR_CONNECT_FAIL 13"):                                         tcpconnect.ReasonProhibited,
		squid("ERR_CONNECT_FAIL 104"):                                        tcpconnect.ReasonReset,
		squid("ERR_CONNECT_FAIL 1111"):                                       tcpconnect.ReasonOther,
		squid("ERR_CANNOT_FORWARD 0"):                                        tcpconnect.ReasonOther,
		squid("ERR_ACCESS_DENIED 0"):                                         tcpconnect.ReasonOther,
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                           tcpconnect.ReasonOther,
		"HTTP/1.1 503 " + strings.Repeat("long ", 2000) + "\r\n\r\n":         tcpconnect.ReasonOther,
		"HTTP/1.1 100 Continue\r\n\r\n":                                      tcpconnect.ReasonOther,
		"HTTP/1.1 403 Forbidden\r\n\r\n":                                     tcpconnect.ReasonVantageProhibited,
		"HTTP/1.1 500 Unable to connect\r\n\r\n":                             tcpconnect.ReasonOther,
		"HTTP/1.1 404 Not Found\r\n\r\n":                                     tcpconnect.ReasonOther,
		status("egress; error=connection_refused"):                           tcpconnect.ReasonRefused,
		status("egress; error=connection_timeout"):                           tcpconnect.ReasonNoResponse,
		status("egress; error=dns_timeout"):                                  tcpconnect.ReasonDNSTimeout,
		status("egress; error=dns_error"):                                    tcpconnect.ReasonDNSFailure,
		status(`egress; error=dns_error; rcode="NXDOMAIN"`):                  tcpconnect.ReasonNoSuchHost,
		status("egress; error=destination_not_found"):                        tcpconnect.ReasonOther,
		status("egress; error=destination_ip_unroutable"):                    tcpconnect.ReasonNetworkUnreachable,
		status("egress; error=destination_ip_prohibited"):                    tcpconnect.ReasonVantageProhibited,
		status("egress; error=connection_limit_reached"):                     tcpconnect.ReasonVantageLimit,
		status("egress; error=http_request_denied"):                          tcpconnect.ReasonVantageProhibited,
		status("inner; error=connection_refused", "egress"):                  tcpconnect.ReasonRefused,
		status("inner; error=connection_refused", "egress; error=dns_error"): tcpconnect.ReasonOther,
		status("egress; error=Connection_Refused"):                           tcpconnect.ReasonOther,
		status("egress; error=(connection_refused"):                          tcpconnect.ReasonOther,
		"HTTP/1.1 200 OK\r\nProxy-Status: a; error=dns_error\r\n\r\n":        tcpconnect.ReasonConnected,

		"":                          tcpconnect.ReasonOther, // as ssh -D does for every failure
		"HTTP/1.1 503 Service Unav": tcpconnect.ReasonOther,
		"\x4a\x00\x00\x00\x0b5.7":   tcpconnect.ReasonVantageUnreachable,
		"SSH":                       tcpconnect.ReasonVantageUnreachable,
		"SSH-2.0-OpenSSH_9.2\r\n":   tcpconnect.ReasonVantageUnreachable,
		"\x16\x03\x01\x00\r\n\r\n":  tcpconnect.ReasonVantageUnreachable,
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20):             tcpconnect.ReasonVantageUnreachable,
		"HTTP/1.1 503 No\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n": tcpconnect.ReasonVantageUnreachable,
	} {
		address := serve(t, answering(answer))
		reason, err := ask(t, linkTo(t, Proxy{URL: "http://" + address}), "db.internal:5432", patient)
		expectAnswer(t, fmt.Sprintf("%.60q", answer), reason, err, want, "")
		if err != nil && len(err.Error()) > 3*longestText {
			t.Errorf("%.60q: an error of %d bytes", answer, len(err.Error()))
		}
	}
}

// The request is the one of RFC 9110, and the answer may come one byte at a time.
func TestConnectSendsHostAndLogin(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	address := serve(t, func(conn net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			t.Error(err)
			return
		}
		asked <- request
		for _, b := range []byte("HTTP/1.1 200 OK\r\n\r\nearly") {
			_, _ = conn.Write([]byte{b})
		}
	})
	for _, config := range []Proxy{
		{URL: "http://" + address, Username: "ci", Password: canarySecret},
		{URL: "http://ci:" + canarySecret + "@" + address},
	} {
		conn, err := linkTo(t, config).dial(t.Context(), "[2001:db8::1]:5432")
		if err != nil {
			t.Fatal(err)
		}
		request := <-asked
		login := &http.Request{Header: http.Header{"Authorization": request.Header["Proxy-Authorization"]}}
		if name, password, _ := login.BasicAuth(); request.Method != http.MethodConnect ||
			request.Host != "[2001:db8::1]:5432" ||
			request.RequestURI != "[2001:db8::1]:5432" || name != "ci" || password != canarySecret {
			t.Errorf("%s %s, host %s, login %q %q", request.Method, request.RequestURI, request.Host, name, password)
		}
		early := make([]byte, 5)
		if _, err := io.ReadFull(conn, early); err != nil || string(early) != "early" {
			t.Errorf("read %q first, %v", early, err)
		}
		if conn.LocalAddr() != nil || conn.RemoteAddr() != nil {
			t.Error("the addresses of the connection to the proxy are shown as the target's")
		}
		_ = conn.Close()
	}
}

func TestProxyThatDoesNotLetUsInIsAnError(t *testing.T) {
	t.Parallel()
	basic := serve(t, answering("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: "+
		"Basic realm=\"x\"\r\n\r\n"))
	inOneLine := serve(t, answering("HTTP/1.1 407 No\r\n"+
		"Proxy-Authenticate: NTLM, Basic realm=\"a, b\", charset=\"UTF-8\"\r\n\r\n"))
	challenges := ""
	for i := range 1000 {
		challenges += fmt.Sprintf("Proxy-Authenticate: scheme%d\r\n", i)
	}
	many := serve(t, answering("HTTP/1.1 407 No\r\n"+challenges+"\r\n"))
	choosing := func(method byte) string {
		return serve(t, func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 3)
			_, _ = conn.Write([]byte{5, method})
		})
	}
	wrong := func(answer ...byte) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 4)
			_, _ = conn.Write([]byte{5, 2})
			_, _ = io.CopyN(io.Discard, conn, int64(3+len("ci")+len(canarySecret)))
			_, _ = conn.Write(answer)
		}
	}
	for _, test := range []struct {
		config Proxy
		text   string
	}{
		{Proxy{URL: "http://" + basic}, "asks for a login (407). It offers Negotiate, Basic. Set username"},
		{Proxy{URL: "http://ci:" + canarySecret + "@" + basic}, `rejects the login of "ci" (407). Check`},
		{Proxy{URL: "http://" + canarySecret + "@" + basic}, "rejects the login (407). Check username"},
		{Proxy{URL: "http://" + inOneLine}, "It offers NTLM, Basic. Set"},
		{Proxy{URL: "http://" + many}, "scheme1, scheme2, "},
		{Proxy{URL: "socks5://" + choosing(2)}, "asks for a login. Set username"},
		{Proxy{URL: "socks5://" + choosing(1)}, "chose the method 1"},
		{Proxy{URL: "socks5://" + choosing(0xFF)}, "asks for a login. Set username"},
		{Proxy{URL: "socks5://" + serve(t, wrong(1, 1)), Username: "ci", Password: canarySecret}, `the login of "ci".`},
		{Proxy{URL: "socks5://" + serve(t, wrong()), Username: "ci", Password: canarySecret}, `the login of "ci".`},
	} {
		reason, err := ask(t, linkTo(t, test.config), "db.internal:5432", patient)
		expectAnswer(t, test.text, reason, err, "untrusted", test.text)
		if err != nil && len(err.Error()) > 3*longestText {
			t.Errorf("%s: an error of %d bytes", test.text, len(err.Error()))
		}
	}
}

func TestSOCKSTellsWhatTheProxyTells(t *testing.T) {
	t.Parallel()
	const name, ip = "db.internal:5432", "10.0.0.5:5432"
	for _, test := range []struct {
		reply   []byte
		address string
		want    tcpconnect.Reason
	}{
		{[]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonConnected},
		{append([]byte{5, 0, 0, 4}, make([]byte, 18)...), "[::1]:80", tcpconnect.ReasonConnected},
		{[]byte{5, 0, 0, 3, 2, 'd', 'b', 0, 80}, ip, tcpconnect.ReasonConnected},
		{[]byte{5, 1, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonOther},
		{[]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonVantageProhibited},
		{[]byte{5, 3, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonNetworkUnreachable},
		{[]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}, ip, tcpconnect.ReasonHostUnreachable},
		{[]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonOther},
		{[]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonRefused},
		{[]byte{5, 6, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonNoResponse},
		{[]byte{5, 7, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonOther},
		{[]byte{5, 99, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonOther},
		{nil, name, tcpconnect.ReasonOther}, // as ssh -D does for every failure
		{[]byte{5, 0}, name, tcpconnect.ReasonOther},
		{[]byte{5, 0, 0, 1, 0}, name, tcpconnect.ReasonOther},
		{[]byte{5, 0, 0, 3}, name, tcpconnect.ReasonOther},
		{[]byte{5, 0, 0, 9, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonVantageUnreachable},
		{[]byte{4, 0, 0, 1, 0, 0, 0, 0, 0, 0}, name, tcpconnect.ReasonVantageUnreachable},
		{nil, strings.Repeat("x", 256) + ":80", tcpconnect.ReasonOther},
		{nil, "[fe80::1%eth0]:80", tcpconnect.ReasonOther},
	} {
		through := linkTo(t, Proxy{URL: "socks5://" + serve(t, socks(test.reply...))})
		reason, err := ask(t, through, test.address, patient)
		expectAnswer(t, fmt.Sprintf("%v of %.20s", test.reply, test.address), reason, err, test.want, "")
	}
}

func TestSOCKSSendsHostAndLogin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"db.internal:80": "db.internal", "10.0.0.5:80": "10.0.0.5", "[2001:db8::1]:80": "2001:db8::1",
	} {
		asked := make(chan string, 2)
		proxy := serve(t, func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 4)
			_, _ = conn.Write([]byte{5, 2})
			login := make([]byte, 3+len("ci")+len(canarySecret))
			_, _ = io.ReadFull(conn, login)
			_, _ = conn.Write([]byte{1, 0})
			asked <- string(login)
			asked <- readSOCKSRequest(conn)
			_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		})
		config := Proxy{URL: "socks5://" + proxy, Username: "ci", Password: canarySecret}
		reason, err := ask(t, linkTo(t, config), address, patient)
		expectAnswer(t, address, reason, err, tcpconnect.ReasonConnected, "")
		login, host := <-asked, <-asked
		if login != "\x01\x02ci"+string(rune(len(canarySecret)))+canarySecret || host != want {
			t.Errorf("login %q, host %q, want %q", login, host, want)
		}
	}
}

// What happens before the request was sent is no answer about a target, however silent it is.
func TestProxyThatIsNotReachedIsUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := listener.Addr().String()
	_ = listener.Close()
	plain := func(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request")); silence(conn) }
	for url, want := range map[string]string{
		"http://" + refused:                       "connect to the vantage point",
		"socks5://" + serve(t, func(net.Conn) {}): "speak with the proxy",
		"https://" + serve(t, func(net.Conn) {}):  "speak with the proxy",
		"https://" + serve(t, plain):              "the proxy does not speak TLS. Check the scheme",
	} {
		reason, err := ask(t, linkTo(t, Proxy{URL: url}), "db.internal:5432", patient)
		expectAnswer(t, url, reason, err, tcpconnect.ReasonVantageUnreachable, want)
	}
}

// More dials than a proxy has room for wait for each other, and their waiting is not the target's silence.
func TestProxyHasRoomForFewDials(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	through := linkTo(t, Proxy{URL: "http://" + serve(t, func(conn net.Conn) {
		begun <- struct{}{}
		silence(conn)
	})})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	for range proxyRoom {
		go func() {
			_, _ = through.dial(ctx, "db.internal:5432")
			ended <- struct{}{}
		}()
	}
	for range proxyRoom {
		<-begun
	}
	reason, err := ask(t, through, "db.internal:5432", 50*time.Millisecond)
	expectAnswer(t, "the 33rd", reason, err, tcpconnect.ReasonVantageLimit, "in flight")
	cancel()
	for range proxyRoom {
		<-ended
	}
}

func TestProxyOfTLSIsVerified(t *testing.T) {
	t.Parallel()
	certificate, authority := certificateFor(t, "127.0.0.1")
	other, _ := certificateFor(t, "proxy.internal")
	serveTLS := func(certificate tls.Certificate) string {
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
		if err != nil {
			t.Fatal(err)
		}
		return "https://" + serveOn(t, listener, answering("HTTP/1.1 200 OK\r\n\r\n"))
	}
	for _, test := range []struct {
		config Proxy
		want   tcpconnect.Reason
		text   string
	}{
		{Proxy{URL: serveTLS(certificate), CACertificate: authority}, tcpconnect.ReasonConnected, ""},
		{Proxy{URL: serveTLS(certificate)}, "untrusted", `issued by "CN=127.0.0.1"`},
		{Proxy{URL: serveTLS(other), CACertificate: authority}, "untrusted", `It is for "CN=proxy.internal"`},
	} {
		reason, err := ask(t, linkTo(t, test.config), "db.internal:5432", patient)
		expectAnswer(t, test.text, reason, err, test.want, test.text)
	}
}

// certificateFor returns a certificate that signs itself, and its PEM.
func certificateFor(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestProxyArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	_, authority := certificateFor(t, "127.0.0.1")
	key := strings.ReplaceAll(authority, "CERTIFICATE", "PRIVATE KEY")
	long := strings.Repeat("x", 256)
	for _, test := range []struct {
		config   Proxy
		argument string // empty: nothing is wrong
		text     string
	}{
		{Proxy{URL: "http://proxy.internal:3128"}, "", ""},
		{Proxy{URL: "SOCKS5://10.0.0.5"}, "", ""},
		{Proxy{URL: "https://[2001:db8::1]:8443/", CACertificate: authority}, "", ""},
		{Proxy{URL: "http://ci:" + canarySecret + "@proxy.internal"}, "", ""},
		{Proxy{URL: "proxy.internal:3128"}, "url", "has no scheme"},
		{Proxy{URL: ""}, "url", "has no scheme"},
		{Proxy{URL: "ci:" + canarySecret + "@http://proxy.internal"}, "url", "is no scheme"},
		{Proxy{URL: "htpp://proxy.internal"}, "url", `Did you mean "http"?`},
		{Proxy{URL: "socks5h://proxy.internal"}, "url", "the proxy resolves names"},
		{Proxy{URL: "http://ci:" + canarySecret + "%zz@proxy.internal"}, "url", "percent-encoded"},
		{Proxy{URL: "http://:3128"}, "url", "is a host and a port"},
		{Proxy{URL: "http://proxy.internal/pac"}, "url", "nothing after it"},
		{Proxy{URL: "http://proxy.internal:99999"}, "url", "names no address"},
		{Proxy{URL: "http://ci:" + canarySecret + "@proxy.internal", Username: "ci"}, "url", "both in the URL and"},
		{Proxy{URL: "http://proxy.internal", Password: canarySecret}, "username", "needs a username"},
		{Proxy{URL: "https://proxy.internal", CACertificate: "x"}, "ca_certificate", "no certificate in PEM form"},
		{Proxy{URL: "http://proxy.internal", CACertificate: authority}, "ca_certificate", "by TLS"},
		{Proxy{URL: "socks5://proxy.internal", Username: "ci", Password: long}, "password", "255 bytes"},
		{Proxy{URL: "socks5://" + long + "@proxy.internal"}, "url", "255 bytes"},
		{Proxy{URL: "http://" + long + "@proxy.internal"}, "", ""},
		{Proxy{URL: "http://:" + canarySecret + "@proxy.internal"}, "url", "needs a username"},
		{Proxy{URL: "http://proxy.internal", Username: "c:i", Password: canarySecret}, "username", "colon"},
		{Proxy{URL: "http://proxy.internal", Username: "ci", Password: canarySecret + "\n"}, "password", "trimspace()"},
		{Proxy{URL: "c:" + canarySecret + "://@proxy.internal"}, "url", "scheme"},
		{Proxy{URL: "https://proxy.internal", CACertificate: authority + authority}, "", ""},
		{Proxy{URL: "https://proxy.internal", CACertificate: authority + authority[:200]}, "ca_certificate", "Block 2"},
		{Proxy{URL: "https://proxy.internal", CACertificate: authority + key}, "ca_certificate", "not a certificate"},
	} {
		problems := test.config.Validate()
		switch {
		case test.argument == "" && len(problems) > 0, test.argument != "" && len(problems) != 1:
			t.Errorf("%.40s: %v", test.config.URL, problems)
		case test.argument != "" && (problems[0].Argument != test.argument ||
			!strings.Contains(problems[0].Text, test.text) || strings.Contains(problems[0].Text, canarySecret)):
			t.Errorf("%.40s: %+v, want %s: %s", test.config.URL, problems[0], test.argument, test.text)
		}
	}
}

// A proxy that repeats what it was told must not bring a secret into the state.
func TestWordsOfAProxyHoldNoSecret(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("ci:" + canarySecret))
	for _, secret := range []string{canarySecret, basic} {
		for _, answer := range []string{
			"HTTP/1.1 502 you said " + secret + "\r\n\r\n",
			"HTTP/1.1 503 No\r\nX-Squid-Error: " + secret + " 0\r\n\r\n",
			"HTTP/1.1 502 No\r\nProxy-Status: p; error=\"" + secret + "\"\r\n\r\n",
			"HTTP/1.1 407 No\r\nProxy-Authenticate: " + secret + "\r\n\r\n",
			"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=a, " + secret + "\r\n\r\n",
		} {
			config := Proxy{URL: "http://" + serve(t, answering(answer)), Username: "ci", Password: canarySecret}
			_, err := ask(t, linkTo(t, config), "db.internal:5432", time.Minute)
			if err == nil || revealsSecret(err.Error()) {
				t.Errorf("%.40q: %v", answer, err)
			}
		}
	}
}
