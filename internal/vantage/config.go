// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"net/netip"
	"time"
)

// Here is the reserved name of this machine.
const Here = "here"

// DefaultConnectTimeout is how long it may take to reach a vantage point, its handshake and login included.
const DefaultConnectTimeout = 10 * time.Second

// Config describes a vantage point. Exactly one of SSH and Proxy is set.
type Config struct {
	Name           string
	Via            string // name of the vantage point to reach it from; empty: this machine
	ConnectTimeout time.Duration
	Resolve        Resolve
	SSH            *SSH
	Proxy          *Proxy
}

// Resolve says who looks names up. The zero value is the far end.
type Resolve struct {
	Here   bool           // this machine does
	Server netip.AddrPort // this name server does, asked over TCP through the vantage point; zero: none
}

// SSH describes a vantage point that is an SSH server. Empty texts are not set.
type SSH struct {
	Host                 string // a name or an IP address; port 22 unless host:port
	User                 string
	PrivateKey           string // PEM
	PrivateKeyPassphrase string
	Certificate          string // in the form of authorized_keys, of the private key or of one in the agent
	Password             string
	Agent                *bool  // nil: if SSH_AUTH_SOCK is set, and neither PrivateKey nor Password is
	AgentIdentity        string // public key, SHA256 fingerprint or comment of the one key of the agent to use
	HostKey              string // one or more public keys in the form of authorized_keys, one in a line
	KnownHosts           string // in the form of known_hosts; without both: the user's file
}

// Proxy describes a vantage point that is a proxy. Empty texts are not set.
type Proxy struct {
	URL           string // http, https or socks5
	Username      string
	Password      string
	CACertificate string // PEM, one or more; empty: the system's
}

// Problem is what is wrong with an argument.
type Problem struct {
	Argument string // in the words of the configuration, such as "private_key"
	Text     string // whole sentences
}
