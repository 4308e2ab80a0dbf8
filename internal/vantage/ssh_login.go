// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// sshCredentials are what a login offers.
type sshCredentials struct {
	user        string
	signer      ssh.Signer       // of the private key; nil: none
	certificate *ssh.Certificate // nil: none
	password    string
	agent       bool
	identity    string // of the one key of the agent to offer; empty: all
}

// words returns a text of the server for people. A server that repeats the password must not bring it into an error.
func (c sshCredentials) words(text string) string {
	if c.password != "" {
		text = strings.ReplaceAll(text, c.password, "***")
	}
	return printable(text)
}

// credentials returns what a login offers, and what is wrong with the arguments that say so.
func (s SSH) credentials() (sshCredentials, []Problem) {
	c := sshCredentials{
		user: s.User, password: s.Password, identity: strings.TrimSpace(s.AgentIdentity),
		agent: s.PrivateKey == "" && s.Password == "",
	}
	if s.Agent != nil {
		c.agent = *s.Agent
	}
	var problems []Problem
	add := func(argument, text string) { problems = append(problems, Problem{argument, text}) }
	switch {
	case s.PrivateKey != "":
		signer, problem := parsePrivateKey(s.PrivateKey, s.PrivateKeyPassphrase)
		if problem != nil {
			problems = append(problems, *problem)
		}
		c.signer = signer
	case s.PrivateKeyPassphrase != "":
		add("private_key_passphrase", "There is no private_key that the passphrase could be for.")
	}
	if s.Certificate != "" {
		certificate, err := parseCertificate(s.Certificate)
		switch {
		case err != nil:
			add("certificate", err.Error())
		case c.signer != nil && !sameKey(certificate, c.signer.PublicKey()) && !c.agent:
			add("certificate", fmt.Sprintf("The certificate is for the key %s, but private_key is %s. "+
				"Set the certificate of this private key.",
				describeKey(certificate.Key), describeKey(c.signer.PublicKey())))
		case s.PrivateKey == "" && !c.agent:
			add("certificate", "A certificate needs its key. Set private_key, or agent = true.")
		}
		c.certificate = certificate
	}
	switch {
	case c.identity != "" && !c.agent:
		add("agent_identity", "agent_identity chooses a key of the SSH agent, which is not used. Set agent = true.")
	case s.PrivateKey == "" && s.Password == "" && !c.agent:
		add("private_key", "There is nothing to log in with. Set private_key, password or agent = true.")
	}
	return c, problems
}

func parsePrivateKey(text, passphrase string) (ssh.Signer, *Problem) {
	const form = `Set the content of the private key file, for example file(pathexpand("~/.ssh/id_ed25519")). It ` +
		`begins with a line such as "-----BEGIN OPENSSH PRIVATE KEY-----".`
	wrong := func(text string) (ssh.Signer, *Problem) { return nil, &Problem{"private_key", text} }
	signer, err := ssh.ParsePrivateKey([]byte(text))
	if err == nil {
		return signer, nil
	}
	block, _ := pem.Decode([]byte(text))
	_, isEncrypted := errors.AsType[*ssh.PassphraseMissingError](err)
	_, _, _, _, notPublic := ssh.ParseAuthorizedKey([]byte(text))
	switch {
	case isEncrypted && passphrase == "":
		return wrong("The private key is encrypted. Set its passphrase in private_key_passphrase.")
	case isEncrypted:
		signer, err := ssh.ParsePrivateKeyWithPassphrase([]byte(text), []byte(passphrase))
		switch {
		case err == nil:
			return signer, nil
		case errors.Is(err, x509.IncorrectPasswordError):
			return nil, &Problem{"private_key_passphrase", "The passphrase does not decrypt the private key. " +
				"Set the passphrase of this key."}
		}
		return wrong("The encrypted private key is damaged or not supported. " +
			`Convert it with "ssh-keygen -p -f FILE".`)
	case notPublic == nil:
		return wrong("This is a public key. " + form)
	case strings.HasPrefix(text, "PuTTY-"):
		return wrong("This is a private key of PuTTY. " +
			`Convert it with "puttygen FILE -O private-openssh-new -o NEW".`)
	case block == nil:
		return wrong("This is not a private key in PEM form. " + form)
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return wrong("This is an encrypted private key in PKCS #8 form, which is not supported. " +
			`Convert it with "ssh-keygen -p -f FILE".`)
	case strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return wrong("This is a public key. " + form)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return wrong("The private key is damaged or of a type that is not supported. " +
			"Ed25519, ECDSA and RSA are supported.")
	default:
		return wrong("This is not a private key. " + form)
	}
}

func parseCertificate(text string) (*ssh.Certificate, error) {
	const form = `Set the content of the certificate file, such as id_ed25519-cert.pub.`
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, errors.New("This is not a certificate in the form of authorized_keys. " + form)
	}
	certificate, ok := key.(*ssh.Certificate)
	switch {
	case !ok:
		return nil, errors.New("This is a public key, not a certificate. " + form)
	case certificate.CertType != ssh.UserCert:
		return nil, errors.New("This is the certificate of a host, not of a user. " + form)
	}
	return certificate, nil
}

// sshLogin is one attempt to log in.
type sshLogin struct {
	sshCredentials
	ctx          context.Context
	server       string   // host:port
	offered      []string // what was offered, for people
	check        []string // what to check about it, for people
	accepted     []string // the methods that the server accepts
	rejected     bool     // the server has rejected something
	cutOff       bool     // the connection has ended
	toldPassword bool     // the server was told the password by keyboard-interactive
	failure      error    // why this side can't go on
	note         string   // more that the server has asked for
}

// loginError says why the server does not let this machine in.
type loginError struct{ text string }

// Error returns whole sentences.
func (e *loginError) Error() string { return e.text }

// method returns what to offer next.
func (l *sshLogin) method(state *ssh.ClientAuthContext, isConnected bool) (ssh.AuthMethod, error) {
	tried := slices.Concat(state.TriedMethods, state.PartialSuccessMethods)
	l.accepted, l.cutOff = state.AllowedMethods, !isConnected
	if len(tried) > 1 && isConnected { // the first is "none", which asks for the methods
		l.rejected = true
	}
	if l.failure != nil {
		return nil, l.failure
	}
	canOffer := func(method string, credential bool) bool {
		return credential && slices.Contains(state.AllowedMethods, method) && !slices.Contains(tried, method)
	}
	switch {
	case canOffer("publickey", l.signer != nil || l.agent):
		return ssh.PublicKeysCallback(l.signers), nil
	case canOffer("password", l.password != ""):
		l.offerPassword("the password")
		return ssh.Password(l.password), nil
	case canOffer("keyboard-interactive", l.password != ""):
		l.offerPassword("the password by keyboard-interactive")
		return ssh.KeyboardInteractive(l.answers), nil
	default:
		return nil, l.refused("")
	}
}

func (l *sshLogin) offerPassword(text string) {
	l.offered = append(l.offered, text)
	l.check = append(l.check, "that this is the user's password")
}

// isServersAnswer reports whether the server left nothing to offer. Otherwise the connection had ended.
func (l *sshLogin) isServersAnswer() bool { return l.rejected || !l.cutOff }

// signers returns the keys to offer. Certificates come before their keys, as ssh offers them.
func (l *sshLogin) signers() ([]ssh.Signer, error) {
	var keys []ssh.Signer
	if l.signer != nil {
		keys = append(keys, l.signer)
	}
	if l.agent {
		agentKeys, err := l.agentSigners()
		if err != nil {
			l.failure = &loginError{err.Error()}
			return nil, err
		}
		keys = append(keys, agentKeys...)
	}
	var signers []ssh.Signer
	if l.certificate != nil {
		index := slices.IndexFunc(keys, func(key ssh.Signer) bool {
			_, isCertificate := key.PublicKey().(*ssh.Certificate)
			return !isCertificate && sameKey(key.PublicKey(), l.certificate)
		})
		if index < 0 {
			l.failure = &loginError{fmt.Sprintf("The certificate is for the key %s, which is neither private_key nor "+
				"a key of the SSH agent that may be offered.", describeKey(l.certificate.Key))}
			return nil, l.failure
		}
		signer, err := ssh.NewCertSigner(l.certificate, keys[index])
		if err != nil {
			l.failure = &loginError{fmt.Sprintf("The certificate can't be used: %s.", printable(err.Error()))}
			return nil, l.failure
		}
		signers = append(signers, signer)
		l.offered = append(l.offered, describeCertificate(l.certificate))
	}
	for _, key := range keys {
		l.offered = append(l.offered, "the key "+describeKey(plainKey(key.PublicKey())))
	}
	if l.offered = slices.Compact(l.offered); len(l.offered) > 0 {
		l.check = append(l.check, "that the server accepts the key for this user (authorized_keys)")
	}
	return append(signers, keys...), nil
}

func (l *sshLogin) agentSigners() ([]ssh.Signer, error) {
	conn, err := dialAgent(l.ctx)
	if err != nil {
		return nil, fmt.Errorf("The SSH agent can't be asked: %w. Start one and set SSH_AUTH_SOCK, or set private_key "+
			"or password.", err)
	}
	context.AfterFunc(l.ctx, func() { _ = conn.Close() })
	return agentSigners(conn, l.identity)
}

func describeCertificate(certificate *ssh.Certificate) string {
	text := "a certificate of the key " + describeKey(certificate.Key)
	if end := certificate.ValidBefore; end != ssh.CertTimeInfinity && uint64(time.Now().Unix()) >= end {
		text += fmt.Sprintf(" (expired at %s)", time.Unix(int64(end), 0).UTC().Format(time.RFC3339))
	}
	return text
}

var errNotForPassword = errors.New("the server asks for more than a password")

// answers returns the password to the first question of the server. Another one is not for it, and a repeated one says
// that it was wrong.
func (l *sshLogin) answers(_, _ string, questions []string, echoes []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, question := range questions {
		if echoes[i] || l.toldPassword {
			l.note = fmt.Sprintf(" By keyboard-interactive it asks %q, which the password does not answer.",
				l.words(question))
			return nil, errNotForPassword
		}
		answers[i] = l.password
	}
	l.toldPassword = l.toldPassword || len(questions) > 0
	return answers, nil
}

// refused returns the error that the server does not let this machine in. words are what it says about it.
func (l *sshLogin) refused(words string) error {
	offered := "nothing, because it accepts none of the methods that arguments are set for"
	if len(l.offered) > 0 {
		const most = 10
		offered = strings.Join(l.offered[:min(len(l.offered), most)], ", ")
		if more := len(l.offered) - most; more > 0 {
			offered += fmt.Sprintf(" and %d more", more)
		}
	}
	text := fmt.Sprintf("The server at %s does not let the user %q log in. It was offered %s.",
		l.server, l.user, offered)
	if len(l.accepted) > 0 {
		text += fmt.Sprintf(" It accepts the methods %s.", l.words(suggest.List(l.accepted)))
	}
	text += l.note
	if words != "" {
		text += fmt.Sprintf(" It says: %s.", words)
	}
	check := append([]string{"the user"}, slices.Compact(l.check)...)
	if len(l.offered) == 0 {
		check = append(check, "set an argument that the server accepts")
	}
	return &loginError{text + " Check " + strings.Join(check, ", and ") + ". The login is not repeated in this run."}
}
