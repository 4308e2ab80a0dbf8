// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bastion

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Key is a key pair of an SSH server or of its user.
type Key struct {
	private ed25519.PrivateKey
	signer  ssh.Signer
}

// NewKey makes a key pair.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	signer, err := ssh.NewSignerFromSigner(private)
	return Key{private, signer}, err
}

// PEM returns the private key as ssh-keygen writes it, encrypted if the passphrase is not empty.
func (k Key) PEM(passphrase string) (string, error) {
	marshal := func() (*pem.Block, error) { return ssh.MarshalPrivateKey(k.private, "") }
	if passphrase != "" {
		marshal = func() (*pem.Block, error) {
			return ssh.MarshalPrivateKeyWithPassphrase(k.private, "", []byte(passphrase))
		}
	}
	block, err := marshal()
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(block)), nil
}

// Public returns the public key in the form of authorized_keys.
func (k Key) Public() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
}

// Fingerprint returns the fingerprint of the public key, as ssh-keygen -l shows it.
func (k Key) Fingerprint() string { return ssh.FingerprintSHA256(k.signer.PublicKey()) }

// Account is who an SSH server is, and whom it lets in.
type Account struct {
	HostKey  Key
	User     string
	Key      *Key   // that the user may log in with; nil: none
	Password string // that the user may log in with; empty: none
}

// SSH starts an SSH server that forwards TCP connections and does nothing else. It ends with the test.
func SSH(tb testing.TB, network Network, account Account) *Server {
	tb.Helper()
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_9.2"}
	config.AddHostKey(account.HostKey.signer)
	errDenied := errors.New("denied")
	if account.Key != nil {
		config.PublicKeyCallback = func(login ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if login.User() != account.User || !bytes.Equal(key.Marshal(), account.Key.signer.PublicKey().Marshal()) {
				return nil, errDenied
			}
			return nil, nil
		}
	}
	if account.Password != "" {
		config.PasswordCallback = func(login ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if login.User() != account.User || string(password) != account.Password {
				return nil, errDenied
			}
			return nil, nil
		}
	}
	return listen(tb, network, func(s *Server, conn net.Conn) { s.serveSSH(conn, config) })
}

func (s *Server) serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	login, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer login.Close() //nolint:errcheck // A test's server has nothing to lose.
	s.tasks.Go(func() { ssh.DiscardRequests(requests) })
	for channel := range channels {
		s.tasks.Go(func() { s.forward(channel) })
	}
}

// forward opens a channel to a target: RFC 4254, section 7.2.
func (s *Server) forward(channel ssh.NewChannel) {
	var target struct {
		Host       string
		Port       uint32
		Originator string
		OriginPort uint32
	}
	if channel.ChannelType() != "direct-tcpip" || ssh.Unmarshal(channel.ExtraData(), &target) != nil {
		_ = channel.Reject(ssh.UnknownChannelType, "unknown channel type")
		return
	}
	far, why := s.dial(target.Host, strconv.Itoa(int(target.Port)))
	switch why {
	case none:
	case refused:
		_ = channel.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	case noSuchHost:
		_ = channel.Reject(ssh.ConnectionFailed, "Name or service not known")
		return
	case forbidden:
		_ = channel.Reject(ssh.Prohibited, "open failed")
		return
	default:
		_ = channel.Reject(ssh.ConnectionFailed, "open failed")
		return
	}
	near, requests, err := channel.Accept()
	if err != nil {
		_ = far.Close()
		return
	}
	s.tasks.Go(func() { ssh.DiscardRequests(requests) })
	s.join(near, far)
}
