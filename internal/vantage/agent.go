// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentSigners returns the keys of the agent that a login offers: all, or those that identity names. An identity is a
// public key, a fingerprint or a comment. An agent that has a key and its certificate gives both for it.
func agentSigners(conn io.ReadWriter, identity string) ([]ssh.Signer, error) {
	client := agent.NewClient(conn)
	keys, err := client.List()
	if err != nil {
		return nil, fmt.Errorf("The SSH agent did not list its keys: %s.", printable(err.Error()))
	}
	chosen := keys
	if identity != "" {
		chosen = slices.DeleteFunc(slices.Clone(keys), func(key *agent.Key) bool { return !isIdentity(key, identity) })
	}
	switch {
	case len(keys) == 0:
		return nil, errors.New("The SSH agent has no keys. Add one with ssh-add.")
	case len(chosen) == 0:
		return nil, fmt.Errorf("The SSH agent has no key that agent_identity names. It has %s.",
			describeAgentKeys(keys))
	case identity != "" && slices.ContainsFunc(chosen, func(key *agent.Key) bool { return !sameKey(key, chosen[0]) }):
		return nil, fmt.Errorf("agent_identity is the comment of several keys of the SSH agent: %s. "+
			"Set the fingerprint of one of them.", describeAgentKeys(chosen))
	}
	signers, err := client.Signers()
	if err != nil {
		return nil, fmt.Errorf("The SSH agent did not list its keys: %s.", printable(err.Error()))
	}
	return slices.DeleteFunc(signers, func(signer ssh.Signer) bool {
		return !slices.ContainsFunc(chosen, func(key *agent.Key) bool {
			return bytes.Equal(key.Marshal(), signer.PublicKey().Marshal())
		})
	}), nil
}

func isIdentity(key *agent.Key, identity string) bool {
	if key.Comment == identity || ssh.FingerprintSHA256(plainKey(key)) == identity {
		return true
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(identity))
	return err == nil && sameKey(public, key)
}

// plainKey returns a public key, or the one that a certificate is for.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if listed, ok := key.(*agent.Key); ok {
		parsed, err := ssh.ParsePublicKey(listed.Blob)
		if err != nil {
			return key // of a type that is not supported
		}
		key = parsed
	}
	if certificate, ok := key.(*ssh.Certificate); ok {
		return certificate.Key
	}
	return key
}

func sameKey(a, b ssh.PublicKey) bool {
	return bytes.Equal(plainKey(a).Marshal(), plainKey(b).Marshal())
}

func describeAgentKeys(keys []*agent.Key) string {
	const most = 10
	var texts []string
	for _, key := range keys[:min(len(keys), most)] {
		texts = append(texts, fmt.Sprintf("%s %s (%s)", printable(key.Type()),
			ssh.FingerprintSHA256(plainKey(key)), printable(key.Comment)))
	}
	if len(keys) > most {
		texts = append(texts, fmt.Sprintf("%d more", len(keys)-most))
	}
	return strings.Join(texts, ", ")
}
