// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestParseHostKeys(t *testing.T) {
	t.Parallel()
	key, other := authorizedKey(ed25519Key(t).PublicKey()), authorizedKey(rsaKey(t).PublicKey())
	certificate := authorizedKey(
		certificateOf(t, ed25519Key(t).PublicKey(), ed25519Key(t), ssh.HostCert, time.Now().Add(time.Hour), "a"))
	private, _ := privateKey(t, "")
	for _, test := range []struct {
		text string
		keys int
		err  string
	}{
		{key, 1, ""},
		{key + " a comment\r\n\n# comment\n" + other + "\n", 2, ""},
		{"", 0, "There is no host key."},
		{"# nothing", 0, "There is no host key."},
		{key + "\nssh-ed25519 AAAA", 0, "Line 2 is not a public key."},
		{"bastion.example.com " + key, 0, "belong in known_hosts"},
		{"@cert-authority * " + key, 0, "belong in known_hosts"},
		{"@revoked " + key, 0, "belong in known_hosts"},
		{"SHA256:" + strings.Repeat("a", 43), 0, "Line 1 is a fingerprint, which is not enough."},
		{certificate, 0, "Line 1 is a certificate."},
		{private, 0, "Line 1 belongs to a private key."},
	} {
		keys, err := ParseHostKeys(test.text)
		if len(keys) != test.keys || !says(err, test.err) {
			t.Errorf("%.40q: %d keys, %v", test.text, len(keys), err)
		}
		if err != nil && len(test.text) > 100 && strings.Contains(err.Error(), test.text[50:90]) {
			t.Errorf("%v repeats the text, which may be a secret", err)
		}
	}
}

func TestParseKnownHosts(t *testing.T) {
	t.Parallel()
	key := authorizedKey(ed25519Key(t).PublicKey())
	for _, test := range []struct{ text, err string }{
		{"bastion.example.com " + key, ""},
		{"[bastion.example.com]:2222,10.0.0.5 " + key + " comment\r\n# comment\n\n", ""},
		{"@cert-authority *.example.com,!a.example.com " + key, ""},
		{xknownhosts.HashHostname("bastion.example.com") + " " + key, ""},
		{"a ssh-future AAAA\nb " + key, ""},
		{"", "There is no host key"},
		{"a ssh-future AAAA", "There is no host key"},
		{key, "Line 1 has fewer fields"},
		{"@trusted a " + key, "Line 1 has a marker other than"},
		{"a " + key + "\n@revoked b ssh-ed25519 !", "Line 2 has a key that is not Base64"},
		{"a ssh-ed25519 AAAA", "Line 1 has a key that is damaged"},
		{"a ssh-rsa " + strings.Fields(key)[1], "Line 1 has a key that is damaged or is not of the type"},
		{"[a " + key, "Line 1 has hosts that can't be parsed"},
		{"|2|a|b " + key, "Line 1 has hosts that can't be parsed"},
	} {
		db, err := ParseKnownHosts(test.text)
		if !says(err, test.err) || (db == nil) != (err != nil) {
			t.Errorf("%.60q: %v", test.text, err)
		}
	}
}

// knownLine returns a line of known_hosts for a server.
func knownLine(server *sshServer, key ssh.PublicKey) string {
	return xknownhosts.Line([]string{server.address}, key)
}

func TestSSHHostKeyThatIsTrusted(t *testing.T) {
	t.Parallel()
	authority := rsaKey(t) // of another type than the host keys
	end := time.Now().Add(time.Hour)
	several := []ssh.Signer{rsaKey(t), ecdsaKey(t), ed25519Key(t)}
	certified := ed25519Key(t)
	certificate, err := ssh.NewCertSigner(
		certificateOf(t, certified.PublicKey(), authority, ssh.HostCert, end, "127.0.0.1"), certified)
	if err != nil {
		t.Fatal(err)
	}
	byHostKey := func(lines ...string) func(*SSH) {
		return func(config *SSH) { config.HostKey = strings.Join(lines, "\n") }
	}
	byKnownHosts := func(key ssh.PublicKey, hash bool, format string) func(*SSH) {
		return func(config *SSH) {
			host := xknownhosts.Normalize(config.Host)
			if hash {
				host = xknownhosts.HashHostname(host)
			}
			config.HostKey, config.KnownHosts = "", fmt.Sprintf(format, host+" "+authorizedKey(key))
		}
	}
	other := authorizedKey(ed25519Key(t).PublicKey())
	for name, test := range map[string]struct {
		keys   []ssh.Signer
		config func(*SSH)
	}{
		"host_key, ed25519 of several":    {several, byHostKey(authorizedKey(several[2].PublicKey()))},
		"host_key, ecdsa of several":      {several, byHostKey(authorizedKey(several[1].PublicKey()))},
		"host_key, rsa of several":        {several, byHostKey(authorizedKey(several[0].PublicKey()))},
		"host_key, second line":           {several[1:2], byHostKey(other, authorizedKey(several[1].PublicKey()))},
		"known_hosts, rsa of several":     {several, byKnownHosts(several[0].PublicKey(), false, "%s")},
		"known_hosts, ecdsa of several":   {several, byKnownHosts(several[1].PublicKey(), true, "%s")},
		"known_hosts, ed25519 of several": {several, byKnownHosts(several[2].PublicKey(), true, "x "+other+"\n%s")},
		"certificate": {[]ssh.Signer{certificate},
			byKnownHosts(authority.PublicKey(), false, "@cert-authority %s")},
		"certificate beside keys": {append(several, certificate),
			byKnownHosts(authority.PublicKey(), true, "@cert-authority %s")},
		"certified key": {[]ssh.Signer{certificate, certified}, byHostKey(authorizedKey(certified.PublicKey()))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, func(s *sshServer) { s.hostKeys = test.keys })
			config := server.config()
			test.config(&config)
			if err := linkOf(t, config, patient, dialTCP).reach(within(t, patient)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSSHHostKeyThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	authority, other := ed25519Key(t), ed25519Key(t)
	certify := func(end time.Time, kind uint32, principal string) ssh.Signer {
		key := ed25519Key(t)
		signer, err := ssh.NewCertSigner(certificateOf(t, key.PublicKey(), authority, kind, end, principal), key)
		if err != nil {
			t.Fatal(err)
		}
		return signer
	}
	later := time.Now().Add(time.Hour)
	byThem := "a certificate by ssh-ed25519 " + ssh.FingerprintSHA256(authority.PublicKey())
	byAuthority := func(config *SSH, server *sshServer) {
		config.HostKey, config.KnownHosts = "", "@cert-authority "+knownLine(server, authority.PublicKey())
	}
	for name, test := range map[string]struct {
		shown  ssh.Signer
		config func(*SSH, *sshServer)
		says   []string
	}{
		"changed, host_key": {ed25519Key(t), func(config *SSH, _ *sshServer) {
			config.HostKey = authorizedKey(other.PublicKey())
		}, []string{"host_key expects ssh-ed25519 " + ssh.FingerprintSHA256(other.PublicKey())}},
		"changed, of another type": {ecdsaKey(t), func(config *SSH, _ *sshServer) {
			config.HostKey = authorizedKey(other.PublicKey())
		}, []string{"has shown the host key ecdsa-sha2-nistp256 ", "host_key expects ssh-ed25519 "}},
		"changed, known_hosts": {ed25519Key(t), func(config *SSH, server *sshServer) {
			config.HostKey, config.KnownHosts = "", knownLine(server, other.PublicKey())
		}, []string{"known_hosts expects ssh-ed25519 " + ssh.FingerprintSHA256(other.PublicKey())}},
		"unknown": {ed25519Key(t), func(config *SSH, _ *sshServer) {
			config.HostKey, config.KnownHosts = "", "elsewhere "+authorizedKey(other.PublicKey())
		}, []string{"known_hosts has no host key of [127.0.0.1]:"}},
		"no file": {ed25519Key(t), func(config *SSH, _ *sshServer) { config.HostKey = "" },
			[]string{filepath.Join(".ssh", "known_hosts"), "does not exist"}},
		"certificate has expired": {certify(time.Now().Add(-time.Hour), ssh.HostCert, "127.0.0.1"), byAuthority,
			[]string{"has shown " + byThem, "expired"}},
		"certificate of another host": {certify(later, ssh.HostCert, "elsewhere"), byAuthority, []string{"principal"}},
		"certificate of a user": {certify(later, ssh.UserCert, "127.0.0.1"), byAuthority,
			[]string{"certificate"}},
		"no certificate": {ed25519Key(t), byAuthority,
			[]string{"known_hosts expects " + byThem}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startSSH(t, func(s *sshServer) { s.hostKeys = []ssh.Signer{test.shown} })
			config := server.config()
			test.config(&config, server)
			link := linkOf(t, config, patient, dialTCP)
			text := wantFatal(t, link.reach(within(t, patient)))
			key := plainKey(test.shown.PublicKey())
			line := `host_key = "` + authorizedKey(key) + `"`
			if config.KnownHosts != "" { // which conflicts with host_key
				line = "known_hosts, instead of others of this server:\n\n  " + knownLine(server, key)
			}
			for _, part := range append(test.says, ssh.FingerprintSHA256(key), line) {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in: %s", part, text)
				}
			}
			_, err := link.dial(within(t, patient), "target:1")
			if wantFatal(t, err) != text || server.accepted.Load() != 1 {
				t.Errorf("it was connected to %d times: %v", server.accepted.Load(), err)
			}
			if server.attempts.Load() != 0 {
				t.Error("the password was sent to a server that is not trusted")
			}

			trusted := server.config()
			if _, given, ok := strings.Cut(text, `host_key = "`); ok {
				trusted.HostKey = strings.TrimSuffix(given, `"`)
			} else {
				_, given, _ := strings.Cut(text, ":\n\n")
				trusted.HostKey, trusted.KnownHosts = "", given
			}
			if _, isCertificate := test.shown.PublicKey().(*ssh.Certificate); isCertificate {
				return // the server has no other host key
			}
			if err := linkOf(t, trusted, patient, dialTCP).reach(within(t, patient)); err != nil {
				t.Errorf("with the line that the error gives: %v", err)
			}
		})
	}
}

func TestRevokedSSHHostKey(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	config := server.config()
	key := server.hostKeys[0].PublicKey()
	config.HostKey, config.KnownHosts = "", knownLine(server, key)+"\n@revoked * "+authorizedKey(key)
	text := wantFatal(t, linkOf(t, config, patient, dialTCP).reach(within(t, patient)))
	if !strings.Contains(text, "revoked (line 2)") || !strings.Contains(text, ssh.FingerprintSHA256(key)) ||
		strings.Contains(text, authorizedKey(key)) {
		t.Error(text)
	}
}

func TestSSHHostKeyThatChangesBetweenConnections(t *testing.T) {
	t.Parallel()
	server := startSSH(t, nil)
	link := linkOf(t, server.config(), patient, dialTCP)
	if err := link.reach(within(t, patient)); err != nil {
		t.Fatal(err)
	}
	changed := ed25519Key(t)
	server.mu.Lock()
	server.hostKeys = []ssh.Signer{changed}
	server.mu.Unlock()
	server.hangUp()
	_, err := link.dial(within(t, patient), "target:1")
	if reason := wantUnreachableOrFatal(t, err); reason {
		_, err = link.dial(within(t, patient), "target:1")
	}
	if text := wantFatal(t, err); !strings.Contains(text, ssh.FingerprintSHA256(changed.PublicKey())) {
		t.Error(text)
	}
}

// changingKey is a host key that can be replaced.
type changingKey struct{ atomic.Pointer[ssh.Signer] }

func (k *changingKey) PublicKey() ssh.PublicKey { return (*k.Load()).PublicKey() }

func (k *changingKey) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return (*k.Load()).Sign(random, data)
}

func TestSSHHostKeyThatChangesDuringAConnection(t *testing.T) {
	t.Parallel()
	before, after := ed25519Key(t), ed25519Key(t)
	key := new(changingKey)
	key.Store(&before)
	server := startSSH(t, func(s *sshServer) {
		s.hostKeys = []ssh.Signer{key}
		s.RekeyThreshold = 1 // as few bytes as possible
		s.targets = map[string]sshAnswer{"refused:1": {code: 2, text: "Connection refused"}}
	})
	link := linkOf(t, server.config(), patient, dialTCP)
	if err := link.reach(within(t, patient)); err != nil {
		t.Fatal(err)
	}
	key.Store(&after)
	ctx := within(t, patient)
	_, err := link.dial(ctx, "refused:1")
	for !says(err, "expects") && ctx.Err() == nil {
		_, err = link.dial(ctx, "refused:1")
	}
	if text := wantFatal(t, err); !strings.Contains(text, ssh.FingerprintSHA256(after.PublicKey())) {
		t.Error(text)
	}
	if wantFatal(t, link.reach(within(t, patient))); server.accepted.Load() != 1 {
		t.Errorf("%d connections", server.accepted.Load())
	}
}

// wantUnreachableOrFatal reports whether the dial met the connection that ended.
func wantUnreachableOrFatal(t *testing.T, err error) bool {
	t.Helper()
	if isUnreachable := strings.Contains(fmt.Sprint(err), "has ended"); isUnreachable {
		wantReason(t, err, tcpconnect.ReasonVantageUnreachable)
		return true
	}
	return false
}

func TestUsersKnownHosts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	server := startSSH(t, nil)
	lines := "not a line\n" + knownLine(server, server.hostKeys[0].PublicKey()) + "\n"
	if err := os.WriteFile(filepath.Join(home, ".ssh", "known_hosts"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	config := server.config()
	config.HostKey = ""
	if err := linkOf(t, config, patient, dialTCP).reach(within(t, patient)); err != nil {
		t.Error(err)
	}
}

func TestHostKeysLeaveNoFile(t *testing.T) { //nolint:paralleltest // It changes the environment.
	temp := t.TempDir()
	for _, variable := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(variable, temp)
	}
	if _, err := ParseKnownHosts("a " + authorizedKey(ed25519Key(t).PublicKey())); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v was left: %v", left, err)
	}
}

func TestHostKeyAlgorithms(t *testing.T) {
	t.Parallel()
	rsaOnly := fixedHostKeys("a:22", []ssh.PublicKey{rsaKey(t).PublicKey()}).algorithms()
	if !slices.Equal(rsaOnly[:2], []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}) ||
		slices.Contains(rsaOnly, ssh.KeyAlgoRSA) || slices.Contains(rsaOnly, ssh.CertAlgoED25519v01) {
		t.Error(rsaOnly)
	}
	db, err := ParseKnownHosts("@cert-authority a " + authorizedKey(rsaKey(t).PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	certified := knownHostKeys("A:22", "known_hosts", db).algorithms()
	if !slices.Equal(certified[:len(hostCertificateAlgorithms)], hostCertificateAlgorithms) {
		t.Error(certified)
	}
}

func TestParseSSHHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, address, err string }{
		{"bastion", "bastion:22", ""},
		{"bastion.example.com:2222", "bastion.example.com:2222", ""},
		{"10.0.0.5", "10.0.0.5:22", ""},
		{"2001:db8::1", "[2001:db8::1]:22", ""},
		{"[2001:db8::1]", "[2001:db8::1]:22", ""},
		{"[2001:db8::1]:2222", "[2001:db8::1]:2222", ""},
		{"", "", "is empty"},
		{"deploy@bastion", "", "in user"},
		{"ssh://bastion", "", "scheme"},
		{"bastion:0", "", "port"},
		{"bastion:2222:1", "", "several colons"},
		{"ba stion", "", "white space"},
	} {
		address, err := ParseSSHHost(test.text)
		if address != test.address || !says(err, test.err) {
			t.Errorf("%q: %q, %v", test.text, address, err)
		}
		if _, _, splitErr := net.SplitHostPort(address); err == nil && splitErr != nil {
			t.Error(splitErr)
		}
	}
}

// What ssh takes for an exclusion of the server is one: match.c and hostfile.c of OpenSSH. Hosts are matched without
// regard for case, and "*" stands for nothing too.
func TestKnownHostsThatExcludeTheServer(t *testing.T) {
	t.Parallel()
	key := ed25519Key(t).PublicKey()
	for _, test := range []struct {
		hosts, server string
		trusted       bool
	}{
		{"*.example.com", "a.example.com:22", true},
		{"*.example.com,!b.example.com", "a.example.com:22", true},
		{"*.example.com,!a.example.com", "a.example.com:22", false},
		{"*.example.com,!A.Example.com", "a.example.com:22", false},
		{"*.example.com,!a.example.com*", "a.example.com:22", false},
		{"!a.example.com*,*.example.com", "a.example.com:22", false},
		{"*.example.com,!a?example.com", "a.example.com:22", false},
		{"*,!a.*", "a.example.com:2222", false},
		{"*,!*.example.com*", "a.example.com:2222", false},
		{"*,![a.example.com]:*", "a.example.com:2222", false},
		{"*,![A.example.com]:2222", "a.example.com:2222", false},
		{"*,![a.example.com]:2222", "a.example.com:22", true},
		{"10.0.0.*,!10.0.0.5*", "10.0.0.5:22", false},
		{"10.0.0.*,!10.0.0.5*", "10.0.0.6:22", true},
		{"*.example.com,!\xff(", "a.example.com:22", true},
	} {
		for _, marker := range []string{"", "@cert-authority "} {
			config := SSH{KnownHosts: marker + test.hosts + " " + authorizedKey(key) + "\nother " + authorizedKey(key)}
			keys, err := config.hostKeys(test.server)
			if err != nil {
				t.Fatal(err)
			}
			shown := key
			if marker != "" {
				host, _, _ := net.SplitHostPort(test.server)
				authority := ed25519Key(t)
				config.KnownHosts = marker + test.hosts + " " + authorizedKey(authority.PublicKey())
				if keys, err = config.hostKeys(test.server); err != nil {
					t.Fatal(err)
				}
				shown = certificateOf(t, key, authority, ssh.HostCert, time.Now().Add(time.Hour), host)
			}
			if err := keys.check(shown); (err == nil) != test.trusted {
				t.Errorf("%s%s for %s: %v", marker, test.hosts, test.server, err)
			}
		}
	}
}
