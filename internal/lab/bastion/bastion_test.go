// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bastion

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/proxy"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

const greeting = "hello from the target"

// target returns an endpoint that greets whoever connects.
func target(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, greeting)
			_ = conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func network(t *testing.T) Network {
	t.Helper()
	return Network{
		Targets: map[string]netip.AddrPort{
			"db.internal:5432": target(t), "down.internal:5432": loopback.Refused(t), "secret.internal:1": target(t),
		},
		Forbidden: []string{"secret.internal:1"},
	}
}

func newKey(t *testing.T) Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// answers are what the target says, or why there is none, for each address of the network.
type answers map[string]string

func expect(t *testing.T, server *Server, want answers, dial func(address string) (io.ReadCloser, error)) {
	t.Helper()
	for address, words := range want {
		conn, err := dial(address)
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			content, readErr := io.ReadAll(conn)
			if closeErr := conn.Close(); readErr != nil || closeErr != nil && !errors.Is(closeErr, io.EOF) {
				t.Errorf("%s: %v, %v", address, readErr, closeErr)
			}
			said = string(content)
		}
		if !strings.Contains(said, words) {
			t.Errorf("%s: %q, want %q", address, said, words)
		}
		if server.Asked(address) != 1 {
			t.Errorf("the server was asked for %s %d times", address, server.Asked(address))
		}
	}
}

func TestSSHServer(t *testing.T) {
	t.Parallel()
	hostKey, key, wrong := newKey(t), newKey(t), newKey(t)
	server := SSH(t, network(t), Account{HostKey: hostKey, User: "deploy", Key: &key, Password: "secret"})
	login := func(user string, method ssh.AuthMethod) (*ssh.Client, error) {
		trusted, _, _, _, err := ssh.ParseAuthorizedKey([]byte(hostKey.Public()))
		if err != nil {
			t.Fatal(err)
		}
		return ssh.Dial("tcp", server.Address(), &ssh.ClientConfig{
			User: user, Auth: []ssh.AuthMethod{method}, HostKeyCallback: ssh.FixedHostKey(trusted),
		})
	}
	for name, refused := range map[string]struct {
		user   string
		method ssh.AuthMethod
	}{
		"user": {"root", ssh.PublicKeys(key.signer)}, "key": {"deploy", ssh.PublicKeys(wrong.signer)},
		"password": {"deploy", ssh.Password("wrong")},
	} {
		if client, err := login(refused.user, refused.method); err == nil {
			_ = client.Close()
			t.Errorf("a wrong %s was accepted", name)
		}
	}
	encrypted, err := key.PEM("passphrase")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase([]byte(encrypted), []byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := login("deploy", ssh.Password("secret"))
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close() // its login is all that counts
	if client, err = login("deploy", ssh.PublicKeys(signer)); err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // The end of the test.
	expect(t, server, answers{
		"db.internal:5432":   greeting,
		"down.internal:5432": `connect failed ("Connection refused")`,
		"secret.internal:1":  `administratively prohibited ("open failed")`,
		"gone.invalid:443":   `connect failed ("Name or service not known")`,
	}, func(address string) (io.ReadCloser, error) { return client.Dial("tcp", address) })
	if server.Connections() != 5 {
		t.Errorf("%d connections", server.Connections())
	}
}

func TestHTTPProxy(t *testing.T) {
	t.Parallel()
	server := HTTPProxy(t, network(t), Login{"deploy", "secret"})
	connect := func(address, header string) (io.ReadCloser, error) {
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatal(err)
		}
		text := textproto.NewConn(conn)
		if err := text.PrintfLine("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n%s", address, header); err != nil {
			t.Fatal(err)
		}
		status, err := text.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := text.ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		if status != "HTTP/1.1 200 Connection established" {
			_ = text.Close()
			return nil, errors.New(status + answer.Get("X-Squid-Error") + answer.Get("Proxy-Authenticate"))
		}
		return struct {
			io.Reader
			io.Closer
		}{text.R, conn}, nil
	}
	if _, err := connect("db.internal:5432", ""); err == nil ||
		err.Error() != `HTTP/1.1 407 Proxy Authentication RequiredBasic realm="test"` {
		t.Errorf("without a login: %v", err)
	}
	expect(t, server, answers{
		"db.internal:5432":   greeting,
		"down.internal:5432": "503 Service UnavailableERR_CONNECT_FAIL 111",
		"secret.internal:1":  "403 ForbiddenERR_ACCESS_DENIED 0",
		"gone.invalid:443":   "500 Internal Server ErrorERR_CANNOT_FORWARD 0",
	}, func(address string) (io.ReadCloser, error) {
		return connect(address, "Proxy-Authorization: Basic ZGVwbG95OnNlY3JldA==\r\n") // deploy:secret
	})
}

func TestSOCKSProxy(t *testing.T) {
	t.Parallel()
	server := SOCKSProxy(t, network(t), Login{"deploy", "secret"})
	through := func(login *proxy.Auth, address string) (io.ReadCloser, error) {
		dialer, err := proxy.SOCKS5("tcp", server.Address(), login, proxy.Direct)
		if err != nil {
			t.Fatal(err)
		}
		return dialer.Dial("tcp", address)
	}
	for _, login := range []*proxy.Auth{nil, {User: "deploy", Password: "wrong"}} {
		if _, err := through(login, "db.internal:5432"); err == nil || server.Asked("db.internal:5432") > 0 {
			t.Errorf("%v was let in", login)
		}
	}
	expect(t, server, answers{
		"db.internal:5432":   greeting,
		"down.internal:5432": "connection refused",
		"secret.internal:1":  "connection not allowed by ruleset",
		"gone.invalid:443":   "host unreachable",
	}, func(address string) (io.ReadCloser, error) {
		return through(&proxy.Auth{User: "deploy", Password: "secret"}, address)
	})
}

func TestServerThatConnectsToEverything(t *testing.T) {
	t.Parallel()
	server := SOCKSProxy(t, Network{Targets: map[string]netip.AddrPort{Everything: target(t)}}, Login{})
	expect(t, server, answers{"gone.invalid:443": greeting}, func(address string) (io.ReadCloser, error) {
		dialer, err := proxy.SOCKS5("tcp", server.Address(), nil, proxy.Direct)
		if err != nil {
			t.Fatal(err)
		}
		return dialer.Dial("tcp", address)
	})
}

// What is left of a test would disturb the next one.
func TestServersEndWithTheTest(t *testing.T) {
	t.Parallel()
	var address string
	var conn net.Conn
	t.Run("test", func(t *testing.T) {
		server := HTTPProxy(t, Network{}, Login{})
		address = server.Address()
		var err error
		if conn, err = net.Dial("tcp", address); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
	_ = conn.Close()
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Error("the server still listens")
	}
}
