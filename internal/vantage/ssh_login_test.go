// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestSSHValidate(t *testing.T) {
	t.Parallel()
	plain, signer := privateKey(t, "")
	encrypted, _ := privateKey(t, "secret passphrase")
	other, _ := privateKey(t, "")
	authority := ed25519Key(t)
	end := time.Now().Add(time.Hour)
	certificate := authorizedKey(certificateOf(t, signer.PublicKey(), authority, ssh.UserCert, end, "deploy"))
	hostCertificate := authorizedKey(certificateOf(t, signer.PublicKey(), authority, ssh.HostCert, end, "deploy"))
	public, off, on := authorizedKey(signer.PublicKey()), false, true
	for name, test := range map[string]struct {
		change   func(*SSH)
		argument string // empty: nothing is wrong
		text     string
	}{
		"password":                {func(*SSH) {}, "", ""},
		"no host":                 {func(s *SSH) { s.Host = "" }, "host", "is empty"},
		"no user":                 {func(s *SSH) { s.User = "" }, "user", "is empty"},
		"key":                     {func(s *SSH) { s.PrivateKey = plain }, "", ""},
		"key, useless passphrase": {func(s *SSH) { s.PrivateKey, s.PrivateKeyPassphrase = plain, "a" }, "", ""},
		"encrypted key":           {func(s *SSH) { s.PrivateKey = encrypted }, "private_key", "is encrypted"},
		"wrong passphrase": {func(s *SSH) { s.PrivateKey, s.PrivateKeyPassphrase = encrypted, "wrong passphrase" },
			"private_key_passphrase", "does not decrypt"},
		"passphrase": {func(s *SSH) { s.PrivateKey, s.PrivateKeyPassphrase = encrypted, "secret passphrase" },
			"", ""},
		"passphrase alone": {func(s *SSH) { s.PrivateKeyPassphrase = "a" }, "private_key_passphrase", "no private_key"},
		"public key":       {func(s *SSH) { s.PrivateKey = public }, "private_key", "This is a public key"},
		"public key in PEM": {func(s *SSH) { s.PrivateKey = emptyPEM("PUBLIC KEY") },
			"private_key", "This is a public key"},
		"path": {func(s *SSH) { s.PrivateKey = "~/.ssh/id_ed25519" },
			"private_key", "not a private key in PEM form"},
		"PuTTY":       {func(s *SSH) { s.PrivateKey = "PuTTY-User-Key-File-3: ssh-ed25519\n" }, "private_key", "PuTTY"},
		"PKCS 8":      {func(s *SSH) { s.PrivateKey = emptyPEM("ENCRYPTED PRIVATE KEY") }, "private_key", "PKCS #8"},
		"X.509":       {func(s *SSH) { s.PrivateKey = emptyPEM("CERTIFICATE") }, "private_key", "not a private key"},
		"damaged":     {func(s *SSH) { s.PrivateKey = emptyPEM("OPENSSH PRIVATE KEY") }, "private_key", "damaged"},
		"certificate": {func(s *SSH) { s.PrivateKey, s.Certificate = plain, certificate }, "", ""},
		"certificate of another key": {func(s *SSH) { s.PrivateKey, s.Certificate = other, certificate },
			"certificate", "but private_key is"},
		"certificate of a host": {func(s *SSH) { s.PrivateKey, s.Certificate = plain, hostCertificate },
			"certificate", "certificate of a host"},
		"certificate without key": {func(s *SSH) { s.Certificate = certificate }, "certificate", "needs its key"},
		"certificate, but a key": {func(s *SSH) { s.PrivateKey, s.Certificate = plain, public },
			"certificate", "public key"},
		"certificate, but what": {func(s *SSH) { s.PrivateKey, s.Certificate = plain, "?" },
			"certificate", "not a certificate"},
		"nothing": {func(s *SSH) { s.Password, s.Agent = "", &off },
			"private_key", "nothing to log in with"},
		"the agent, by default":       {func(s *SSH) { s.Password = "" }, "", ""},
		"the agent of this machine":   {func(s *SSH) { s.Agent = &on }, "", ""},
		"identity of an unused agent": {func(s *SSH) { s.AgentIdentity = "work" }, "agent_identity", "agent = true"},
		"host_key and known_hosts":    {func(s *SSH) { s.KnownHosts = "a " + public }, "known_hosts", "conflicts"},
		"host_key":                    {func(s *SSH) { s.HostKey = "?" }, "host_key", "Line 1"},
		"known_hosts":                 {func(s *SSH) { s.HostKey, s.KnownHosts = "", "?" }, "known_hosts", "Line 1"},
	} {
		config := SSH{Host: "bastion", User: "deploy", Password: testPassword, HostKey: public}
		test.change(&config)
		problems := config.Validate()
		switch {
		case test.argument == "" && len(problems) > 0,
			test.argument != "" && (len(problems) != 1 || problems[0].Argument != test.argument ||
				!strings.Contains(problems[0].Text, test.text)):
			t.Errorf("%s: %+v", name, problems)
		}
		for _, problem := range problems {
			if strings.Contains(problem.Text, "secret passphrase") || strings.Contains(problem.Text, testPassword) {
				t.Errorf("%s: %q tells a secret", name, problem.Text)
			}
		}
		if _, err := newSSHLink("bastion", config, patient, dialTCP); (err == nil) != (test.argument == "") {
			t.Errorf("%s: newSSHLink: %v", name, err)
		}
	}
}

func emptyPEM(kind string) string {
	return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n"
}

func TestSSHLogin(t *testing.T) {
	t.Parallel()
	plain, signer := privateKey(t, "")
	encrypted, encryptedSigner := privateKey(t, "secret passphrase")
	authority := ed25519Key(t)
	certificate := certificateOf(t, signer.PublicKey(), authority, ssh.UserCert, time.Now().Add(time.Hour), "deploy")
	byAuthority := trustIn(authority)
	for name, test := range map[string]struct {
		server func(*sshServer)
		config func(*SSH)
	}{
		"private key": {func(s *sshServer) { s.PublicKeyCallback = allow(signer.PublicKey()) },
			func(c *SSH) { c.Password, c.PrivateKey = "", plain }},
		"encrypted private key": {func(s *sshServer) { s.PublicKeyCallback = allow(encryptedSigner.PublicKey()) },
			func(c *SSH) { c.Password, c.PrivateKey, c.PrivateKeyPassphrase = "", encrypted, "secret passphrase" }},
		"certificate": {func(s *sshServer) { s.PublicKeyCallback = byAuthority.Authenticate },
			func(c *SSH) { c.Password, c.PrivateKey, c.Certificate = "", plain, authorizedKey(certificate) }},
		"certificate not needed": {func(s *sshServer) { s.PublicKeyCallback = allow(signer.PublicKey()) },
			func(c *SSH) { c.Password, c.PrivateKey, c.Certificate = "", plain, authorizedKey(certificate) }},
		"password": {func(*sshServer) {}, func(*SSH) {}},
		"password after the key": {func(s *sshServer) { s.PublicKeyCallback = allow() },
			func(c *SSH) { c.PrivateKey = plain }},
		"password by keyboard-interactive": {func(s *sshServer) {
			s.PasswordCallback, s.KeyboardInteractiveCallback = nil, askForPassword
		}, func(*SSH) {}},
		"key and then password": {func(s *sshServer) {
			password := s.PasswordCallback
			s.PasswordCallback = nil
			s.PublicKeyCallback = func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
				if _, err := allow(signer.PublicKey())(conn, key); err != nil {
					return nil, err
				}
				return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{PasswordCallback: password}}
			}
		}, func(c *SSH) { c.PrivateKey = plain }},
		"none": {func(s *sshServer) { s.NoClientAuth = true }, func(*SSH) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, func(s *sshServer) {
				s.targets = map[string]sshAnswer{"open:1": {opens: true}}
				if strings.Contains(name, "key") && !strings.Contains(name, "password") ||
					strings.Contains(name, "certificate") {
					s.PasswordCallback = nil
				}
				test.server(s)
			})
			config := server.config()
			test.config(&config)
			conn, err := linkOf(t, config, patient, dialTCP).dial(within(t, patient), "open:1")
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
}

func askForPassword(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	answers, err := ask("", "", []string{"Password: "}, []bool{false})
	if err != nil || len(answers) != 1 || answers[0] != testPassword {
		return nil, errors.New("wrong")
	}
	_, err = ask("", "Welcome", nil, nil)
	return nil, err
}

func TestFailedSSHLoginIsNotRepeated(t *testing.T) {
	t.Parallel()
	plain, signer := privateKey(t, "")
	expired := certificateOf(t, signer.PublicKey(), ed25519Key(t), ssh.UserCert, time.Now().Add(-time.Hour), "deploy")
	for name, test := range map[string]struct {
		server   func(*sshServer)
		config   func(*SSH)
		attempts int64
		says     []string
	}{
		"wrong password": {func(*sshServer) {}, func(c *SSH) { c.Password = "hunter2 is wrong" }, 1,
			[]string{`the user "deploy"`, "the password", `methods "password"`,
				"Check the user, and that this is the user's password. The login is not repeated"}},
		"unknown key": {func(s *sshServer) { s.PublicKeyCallback = allow() },
			func(c *SSH) { c.Password, c.PrivateKey = "", plain }, 1,
			[]string{"the key ssh-ed25519 " + ssh.FingerprintSHA256(signer.PublicKey()), `"publickey"`,
				"Check the user, and that the server accepts the key for this user (authorized_keys). "}},
		"expired certificate": {func(s *sshServer) { s.PublicKeyCallback = allow() },
			func(c *SSH) { c.Password, c.PrivateKey, c.Certificate = "", plain, authorizedKey(expired) }, 2,
			[]string{"(expired at "}},
		"no method in common": {func(*sshServer) {}, func(c *SSH) { c.Password, c.PrivateKey = "", plain }, 0,
			[]string{"offered nothing", `methods "password"`, "and set an argument that the server accepts. "}},
		"wrong password in two ways": {func(s *sshServer) { s.KeyboardInteractiveCallback = askForPassword },
			func(c *SSH) { c.Password = "hunter2 is wrong" }, 2,
			[]string{"the password, the password by keyboard-interactive",
				"Check the user, and that this is the user's password. "}},
		"a code is asked for": {func(s *sshServer) {
			s.PasswordCallback = nil
			s.KeyboardInteractiveCallback = func(conn ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (
				*ssh.Permissions, error,
			) {
				if _, err := ask("", "", []string{"Password: "}, []bool{false}); err != nil {
					return nil, err
				}
				return askForPassword(conn, func(string, string, []string, []bool) ([]string, error) {
					return ask("", "", []string{"Code\x1b for correct horse battery staple: "}, []bool{false})
				})
			}
		}, func(*SSH) {}, 1, []string{"it asks \"Code\uFFFD for ***:\""}},
		"too many attempts": {func(s *sshServer) {
			s.MaxAuthTries = 1
		}, func(c *SSH) { c.Password = "hunter2 is wrong" }, 1, []string{"the password"}},
		"the connection is ended": {func(s *sshServer) {
			s.PasswordCallback = func(conn ssh.ConnMetadata, _ []byte) (*ssh.Permissions, error) {
				_ = s.connOf(conn).CloseWrite()
				return nil, errors.New("wrong")
			}
		}, func(*SSH) {}, 1, []string{"it ended the connection"}},
		"the connection is reset after a rejection": {func(s *sshServer) {
			s.KeyboardInteractiveCallback = func(conn ssh.ConnMetadata, _ ssh.KeyboardInteractiveChallenge) (
				*ssh.Permissions, error,
			) {
				reset := s.connOf(conn)
				_ = reset.SetLinger(0)
				return nil, errors.Join(reset.Close(), errors.New("wrong"))
			}
		}, func(c *SSH) { c.Password = "hunter2 is wrong" }, 2, []string{"the password by keyboard-interactive"}},
		"the password is repeated": {func(s *sshServer) {
			s.BannerCallback = func(ssh.ConnMetadata) string { return testPassword }
			s.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (
				*ssh.Permissions, error,
			) {
				_, err := ask("", "", []string{"hunter2 is wrong "}, []bool{true})
				return nil, errors.Join(err, errors.New("wrong"))
			}
		}, func(c *SSH) { c.Password = "hunter2 is wrong" }, 2, []string{"it asks \"***\""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, test.server)
			config := server.config()
			test.config(&config)
			link := linkOf(t, config, patient, dialTCP)
			text := wantFatal(t, link.reach(within(t, patient)))
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in: %s", part, text)
				}
			}
			for _, secret := range []string{testPassword, "hunter2", plain} {
				if strings.Contains(text, secret) {
					t.Errorf("a secret is in: %s", text)
				}
			}
			_, err := link.dial(within(t, patient), "target:1")
			if wantFatal(t, err) != text || wantFatal(t, link.reach(within(t, patient))) != text {
				t.Errorf("another error: %v", err)
			}
			if server.accepted.Load() != 1 || server.attempts.Load() > test.attempts {
				t.Errorf("%d connections, %d attempts", server.accepted.Load(), server.attempts.Load())
			}
		})
	}
}

// connOf returns the TCP connection of a login.
func (s *sshServer) connOf(login ssh.ConnMetadata) *net.TCPConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := slices.IndexFunc(s.conns, func(conn net.Conn) bool {
		return conn.RemoteAddr().String() == login.RemoteAddr().String()
	})
	return s.conns[index].(*net.TCPConn)
}

func TestSlowSSHLoginEndsWithConnectTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	server := startSSH(t, func(s *sshServer) {
		s.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
			<-release
			return nil, errors.New("late")
		}
	})
	link := linkOf(t, server.config(), impatient, dialTCP)
	wantReason(t, link.reach(within(t, patient)), tcpconnect.ReasonVantageUnreachable)
}

// startAgent starts an SSH agent and names it in the environment.
func startAgent(t *testing.T, keys ...agent.AddedKey) {
	t.Helper()
	keyring := agent.NewKeyring()
	for _, key := range keys {
		if err := keyring.Add(key); err != nil {
			t.Fatal(err)
		}
	}
	serveAgent(t, func(conn net.Conn) { _ = agent.ServeAgent(keyring, conn) })
}

func serveAgent(t *testing.T, serve func(net.Conn)) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("needs Unix sockets: %v", err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() {
				defer conn.Close() //nolint:errcheck // The test sees what was sent.
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		tasks.Wait()
	})
	t.Setenv("SSH_AUTH_SOCK", socket)
}

func newAgentKey(t *testing.T, comment string) (agent.AddedKey, ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return agent.AddedKey{PrivateKey: key, Comment: comment}, signerOf(t, key).PublicKey()
}

//nolint:paralleltest // It changes the environment.
func TestSSHLoginWithAgent(t *testing.T) {
	first, firstKey := newAgentKey(t, "home")
	second, secondKey := newAgentKey(t, "work")
	twin, _ := newAgentKey(t, "home")
	certified := second
	authority := ed25519Key(t)
	certificate := certificateOf(t, secondKey, authority, ssh.UserCert, time.Now().Add(time.Hour), "deploy")
	certified.Certificate = certificate
	byAuthority := trustIn(authority)
	firstAndSecond := []agent.AddedKey{first, second}
	on, off := true, false
	for name, test := range map[string]struct {
		keys    []agent.AddedKey
		accepts func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error)
		config  func(*SSH)
		offers  int64  // keys
		fatal   string // empty: it is let in
	}{
		"by default":     {firstAndSecond, allow(secondKey), func(*SSH) {}, 2, ""},
		"by fingerprint": {firstAndSecond, allow(secondKey), identity(ssh.FingerprintSHA256(secondKey)), 1, ""},
		"by public key": {firstAndSecond, allow(secondKey), identity(authorizedKey(secondKey) + " x\n"),
			1, ""},
		"by comment":    {firstAndSecond, allow(secondKey), identity("work"), 1, ""},
		"the other key": {firstAndSecond, allow(secondKey), identity("home"), 1, "does not let the user"},
		"key and its certificate": {[]agent.AddedKey{first, second, certified}, byAuthority.Authenticate,
			identity("work"), 2, ""},
		"certificate of the configuration": {firstAndSecond, byAuthority.Authenticate,
			func(c *SSH) { c.Certificate = authorizedKey(certificate) }, 1, ""},
		"certificate of no key": {[]agent.AddedKey{first}, byAuthority.Authenticate,
			func(c *SSH) { c.Certificate = authorizedKey(certificate) }, 0, "neither private_key nor"},
		"unknown identity": {firstAndSecond, allow(secondKey), identity("play"), 0,
			"It has ssh-ed25519 " + ssh.FingerprintSHA256(firstKey) + " (home)"},
		"ambiguous identity": {[]agent.AddedKey{first, twin}, allow(firstKey), identity("home"),
			0, "comment of several keys"},
		"no keys": {nil, allow(secondKey), func(*SSH) {}, 0, "has no keys"},
		"beside a password": {firstAndSecond, allow(secondKey), func(c *SSH) { c.Password = testPassword },
			0, "does not let"},
		"with a password": {[]agent.AddedKey{second}, allow(secondKey),
			func(c *SSH) { c.Password, c.Agent = testPassword, &on }, 1, ""},
		"not": {[]agent.AddedKey{second}, allow(secondKey),
			func(c *SSH) { c.Password, c.Agent = testPassword, &off }, 0, "does not let"},
	} {
		t.Run(name, func(t *testing.T) {
			startAgent(t, test.keys...)
			server := startSSH(t, func(s *sshServer) { s.PasswordCallback, s.PublicKeyCallback = nil, test.accepts })
			config := server.config()
			config.Password = ""
			test.config(&config)
			err := linkOf(t, config, patient, dialTCP).reach(within(t, patient))
			switch {
			case test.fatal == "" && err != nil:
				t.Error(err)
			case test.fatal != "" && !strings.Contains(wantFatal(t, err), test.fatal):
				t.Errorf("%q is not in: %v", test.fatal, err)
			}
			// A key is asked about, and then signed with.
			if attempts := server.attempts.Load(); attempts > test.offers+1 {
				t.Errorf("%d attempts with %d keys", attempts, test.offers)
			}
		})
	}
}

// trustIn lets users log in with the certificates of an authority.
func trustIn(authority ssh.Signer) *ssh.CertChecker {
	return &ssh.CertChecker{
		IsUserAuthority: func(key ssh.PublicKey) bool { return sameKey(key, authority.PublicKey()) },
	}
}

func identity(text string) func(*SSH) { return func(c *SSH) { c.AgentIdentity = text } }

func TestSilentSSHAgentEndsWithConnectTimeout(t *testing.T) { //nolint:paralleltest // It changes the environment.
	serveAgent(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	server := startSSH(t, func(s *sshServer) { s.PublicKeyCallback = allow() })
	config := server.config()
	config.Password = ""
	link := linkOf(t, config, impatient, dialTCP)
	wantReason(t, link.reach(within(t, patient)), tcpconnect.ReasonVantageUnreachable)
}

func TestSSHAgentThatIsGone(t *testing.T) { //nolint:paralleltest // It changes the environment.
	for socket, want := range map[string]string{
		filepath.Join(t.TempDir(), "gone"): "The SSH agent can't be asked",
		"":                                 "SSH_AUTH_SOCK is not set. Start one",
	} {
		t.Setenv("SSH_AUTH_SOCK", socket)
		server := startSSH(t, func(s *sshServer) { s.PublicKeyCallback = allow() })
		config := server.config()
		config.Password = ""
		text := wantFatal(t, linkOf(t, config, patient, dialTCP).reach(within(t, patient)))
		if !strings.Contains(text, want) {
			t.Error(text)
		}
	}
}

func TestDescribedAgentKeysAreFew(t *testing.T) {
	t.Parallel()
	key, public := newAgentKey(t, strings.Repeat("long\n", 1000))
	keyring := agent.NewKeyring()
	if err := keyring.Add(key); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.List()
	if err != nil {
		t.Fatal(err)
	}
	text := describeAgentKeys(slices.Repeat(keys, 100))
	if !strings.Contains(text, ssh.FingerprintSHA256(public)) || !strings.HasSuffix(text, "90 more") ||
		len(text) > 5000 {
		t.Error(text)
	}
}
