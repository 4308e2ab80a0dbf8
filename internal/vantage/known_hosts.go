// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// ParseHostKeys returns the public keys of a text with one in each line, in the form of authorized_keys. Empty lines
// and lines that begin with "#" are skipped.
func ParseHostKeys(text string) ([]ssh.PublicKey, error) {
	const form = `Write each host key in a line of its own, for example "ssh-ed25519 AAAA...".`
	const whole = "Set the whole key, as it stands in ssh_host_ed25519_key.pub of the server."
	var keys []ssh.PublicKey
	for number, line := range numberedLines(text) {
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		switch _, isCertificate := key.(*ssh.Certificate); {
		case strings.Contains(line, "PRIVATE KEY"):
			return nil, fmt.Errorf("Line %d belongs to a private key. Set the public key of the server. %s",
				number, form)
		case err != nil && (strings.Contains(line, "SHA256:") || strings.Contains(line, "MD5:")):
			return nil, fmt.Errorf("Line %d is a fingerprint, which is not enough. %s %s", number, whole, form)
		case err != nil || len(options) > 0:
			return nil, fmt.Errorf("Line %d is not a public key. %s "+
				"Lines that begin with a host or a marker belong in known_hosts.", number, form)
		case isCertificate:
			return nil, fmt.Errorf("Line %d is a certificate. Set the public key of the server, "+
				"or a line with @cert-authority in known_hosts. %s", number, form)
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, fmt.Errorf("There is no host key. %s", form)
	}
	return keys, nil
}

// ParseKnownHosts returns the host keys of a text in the form of known_hosts. Keys of types that are not supported are
// skipped, as ssh does.
func ParseKnownHosts(text string) (*knownhosts.HostKeyDB, error) {
	const form = "Write known_hosts as ssh does (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), " +
		`for example "bastion.example.com ssh-ed25519 AAAA...", or read such a file with file().`
	keys := 0
	for number, line := range numberedLines(text) {
		isSupported, err := checkKnownHost(line)
		if err != nil {
			return nil, fmt.Errorf("Line %d %w. %s", number, err, form)
		}
		if isSupported {
			keys++
		}
	}
	if keys == 0 {
		return nil, fmt.Errorf("There is no host key of a supported type. %s", form)
	}
	return readKnownHosts([]byte(text))
}

// readKnownHosts returns the host keys of a known_hosts file. Lines that can't be parsed are skipped.
func readKnownHosts(content []byte) (*knownhosts.HostKeyDB, error) {
	file, err := os.CreateTemp("", "preflight-known-hosts-*") // because knownhosts reads nothing but files
	if err != nil {
		return nil, fmt.Errorf("Host keys are read by way of a temporary file, which could not be made: %w.", err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	var db *knownhosts.HostKeyDB
	if err == nil {
		db, err = knownhosts.NewDB(file.Name())
	}
	if err := errors.Join(err, os.Remove(file.Name())); err != nil {
		return nil, fmt.Errorf("Host keys could not be read: %w.", err)
	}
	return db, nil
}

// withoutExcluding returns known_hosts with empty lines in place of those that exclude a server by a negated pattern.
// golang.org/x/crypto/ssh/knownhosts sees fewer exclusions than ssh does: it takes upper case for another host, and "*"
// for at least one character.
func withoutExcluding(content, address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return content
	}
	names := []string{host, xknownhosts.Normalize(address)}
	var kept strings.Builder
	for line := range strings.Lines(content) {
		if slices.ContainsFunc(strings.Split(hostsOf(line), ","), func(pattern string) bool {
			excluded, isNegated := strings.CutPrefix(pattern, "!")
			return isNegated && slices.ContainsFunc(names, hostPattern(excluded).MatchString)
		}) {
			line = "\n"
		}
		kept.WriteString(line)
	}
	return kept.String()
}

// hostsOf returns the hosts of a line of known_hosts. It is empty if there are none, or if the line revokes a key.
func hostsOf(line string) string {
	fields := strings.Fields(line)
	if len(fields) > 0 && fields[0] == "@cert-authority" {
		fields = fields[1:]
	}
	if len(fields) == 0 || strings.HasPrefix(fields[0], "@") || strings.HasPrefix(fields[0], "#") {
		return ""
	}
	return fields[0]
}

// hostPattern returns what matches the hosts of a pattern of known_hosts.
func hostPattern(pattern string) *regexp.Regexp {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(strings.ToValidUTF8(pattern, "?")))
	return regexp.MustCompile("(?is)^" + quoted + "$")
}

// checkKnownHost returns an error that says what is wrong with a line of known_hosts, and reports whether its key is of
// a supported type.
func checkKnownHost(line string) (isSupported bool, err error) {
	fields := strings.Fields(line)
	if strings.HasPrefix(fields[0], "@") {
		if fields[0] != "@cert-authority" && fields[0] != "@revoked" {
			return false, errors.New(`has a marker other than @cert-authority and @revoked`)
		}
		fields = fields[1:]
	}
	if len(fields) < 3 {
		return false, errors.New("has fewer fields than hosts, type and key")
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return false, errors.New("has a key that is not Base64")
	}
	if !slices.Contains(hostKeyTypes, fields[1]) {
		return false, nil
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil || key.Type() != fields[1] {
		return false, errors.New("has a key that is damaged or is not of the type before it")
	}
	for host := range strings.SplitSeq(fields[0], ",") {
		if !isHostPattern(strings.TrimPrefix(host, "!")) {
			return false, errors.New("has hosts that can't be parsed")
		}
	}
	return true, nil
}

// isHostPattern reports whether a text is a host of known_hosts: a pattern, [pattern]:port, or hashed.
func isHostPattern(text string) bool {
	if hash, isHashed := strings.CutPrefix(text, "|1|"); isHashed {
		salt, hash, isPair := strings.Cut(hash, "|")
		_, saltErr := base64.StdEncoding.DecodeString(salt)
		_, hashErr := base64.StdEncoding.DecodeString(hash)
		return isPair && saltErr == nil && hashErr == nil
	}
	if strings.HasPrefix(text, "[") {
		_, _, err := net.SplitHostPort(text)
		return err == nil
	}
	return text != "" && !strings.HasPrefix(text, "|")
}

// numberedLines yields the lines with their numbers, without empty ones and comments.
func numberedLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") && !yield(number, line) {
				return
			}
		}
	}
}

var (
	hostKeyTypes = []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	}

	// hostKeyAlgorithms and hostCertificateAlgorithms are in the order of preference. Signatures with SHA-1 are not
	// accepted, as by ssh.
	hostKeyAlgorithms = []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
	hostCertificateAlgorithms = []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	}
)

// hostKeys says which host keys of a server are trusted.
type hostKeys struct {
	address  string // of the server, host:port
	source   string // where the keys are from, for people
	expected []knownhosts.PublicKey
	check    func(ssh.PublicKey) error
}

// knownHostsArgument is the name of the argument that holds known_hosts.
const knownHostsArgument = "known_hosts"

// hostKeys returns which host keys are trusted.
func (s SSH) hostKeys(address string) (hostKeys, error) {
	switch {
	case s.HostKey != "":
		keys, err := ParseHostKeys(s.HostKey)
		return fixedHostKeys(address, keys), err
	case s.KnownHosts != "":
		if _, err := ParseKnownHosts(s.KnownHosts); err != nil {
			return hostKeys{}, err
		}
		db, err := readKnownHosts([]byte(withoutExcluding(s.KnownHosts, address)))
		if err != nil {
			return hostKeys{}, err
		}
		return knownHostKeys(address, knownHostsArgument, db), nil
	default:
		return userHostKeys(address), nil
	}
}

var errNotExpected = errors.New("the host key is not one of those expected")

func fixedHostKeys(address string, keys []ssh.PublicKey) hostKeys {
	h := hostKeys{address: address, source: "host_key"}
	for _, key := range keys {
		h.expected = append(h.expected, knownhosts.PublicKey{PublicKey: key})
	}
	h.check = func(shown ssh.PublicKey) error {
		for _, key := range keys {
			if bytes.Equal(key.Marshal(), shown.Marshal()) {
				return nil
			}
		}
		return errNotExpected
	}
	return h
}

func knownHostKeys(address, source string, db *knownhosts.HostKeyDB) hostKeys {
	host := strings.ToLower(address) // as ssh does
	return hostKeys{
		address:  address,
		source:   source,
		expected: db.HostKeys(host),
		check: func(shown ssh.PublicKey) error {
			return db.HostKeyCallback()(host, new(net.TCPAddr), shown) // hosts are compared, not addresses
		},
	}
}

// userHostKeys returns the host keys of the user's known_hosts file. If it can't be read, no host key is trusted.
func userHostKeys(address string) hostKeys {
	path := filepath.Join("~", ".ssh", "known_hosts")
	home, err := os.UserHomeDir()
	var content []byte
	if err == nil {
		path = filepath.Join(home, ".ssh", "known_hosts")
		content, err = os.ReadFile(path)
	}
	var db *knownhosts.HostKeyDB
	if err == nil {
		db, err = readKnownHosts([]byte(withoutExcluding(string(content), address)))
	}
	if err != nil {
		return hostKeys{address: address, source: path, check: func(ssh.PublicKey) error { return err }}
	}
	return knownHostKeys(address, path, db)
}

// algorithms returns the host key algorithms to negotiate. Those of the expected keys come first, because a server with
// several keys shows the one that the client prefers. The others follow, so that a changed key can be shown to people.
func (h hostKeys) algorithms() []string {
	var algorithms []string
	add := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(algorithms, name) {
				algorithms = append(algorithms, name)
			}
		}
	}
	if slices.ContainsFunc(h.expected, func(key knownhosts.PublicKey) bool { return key.Cert }) {
		add(hostCertificateAlgorithms...) // a certificate's key may be of another type than its authority's
	}
	for _, key := range h.expected {
		switch {
		case key.Cert:
		case key.Type() == ssh.KeyAlgoRSA:
			add(ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			add(key.Type())
		}
	}
	add(hostKeyAlgorithms...)
	return algorithms
}

// explain returns an error that says which host key the server has shown, why it is not trusted, and what to do.
func (h hostKeys) explain(cause error, shown ssh.PublicKey) error {
	key := shown
	text := "The server at " + h.address + " has shown "
	if certificate, ok := shown.(*ssh.Certificate); ok {
		key = certificate.Key
		text += "a certificate by " + describeKey(certificate.SignatureKey) + " for "
	}
	text += "the host key " + describeKey(key)
	mismatch, isMismatch := errors.AsType[*xknownhosts.KeyError](cause)
	revoked, isRevoked := errors.AsType[*xknownhosts.RevokedError](cause)
	switch {
	case isRevoked:
		return fmt.Errorf("%s, which %s says is revoked (line %d). Whoever has it may not be the server. "+
			"Ask the administrator of the server for its new key, and set it in host_key.",
			text, h.source, revoked.Revoked.Line)
	case errors.Is(cause, fs.ErrNotExist):
		text += ", but the file " + h.source + ", which would say whether to trust it, does not exist"
	case errors.Is(cause, errNotExpected), isMismatch && len(mismatch.Want) > 0:
		text += ", but " + h.source + " expects " + h.describeExpected() + ". Either the server has a new key, " +
			"or another server answers in its place"
	case isMismatch:
		text += ", but " + h.source + " has no host key of " + xknownhosts.Normalize(h.address)
	default:
		text += fmt.Sprintf(", which is not trusted: %s", printable(cause.Error()))
	}
	set := fmt.Sprintf("set:\n\n  host_key = %q", authorizedKey(key))
	if h.source == knownHostsArgument { // which conflicts with host_key
		set = "write this line into known_hosts, instead of others of this server:\n\n  " +
			xknownhosts.Line([]string{h.address}, key)
	}
	return fmt.Errorf("%s. Compare the fingerprint with the one that the administrator of the server tells you. "+
		"If it is the same, %s", text, set)
}

func (h hostKeys) describeExpected() string {
	var texts []string
	for _, key := range h.expected {
		text := describeKey(key)
		if key.Cert {
			text = "a certificate by " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " or ")
}

// describeKey returns the type and the fingerprint of a public key, as ssh-keygen -l shows it.
func describeKey(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// authorizedKey returns a public key in the form of authorized_keys.
func authorizedKey(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
