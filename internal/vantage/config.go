// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
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
	Agent                *bool  // nil: if neither PrivateKey nor Password is set
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

// NameRule says which names a vantage point may have.
const NameRule = "A vantage point's name has 1 to 128 characters: letters (a-z, A-Z), digits, spaces, \".\", \"_\" " +
	"and \"-\", beginning and ending with a letter or digit. It is not \"" + Here + "\", which is this machine."

var name = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,126}[A-Za-z0-9])?$`)

// ParseName returns the name of a vantage point that a text is. The error ends with NameRule.
func ParseName(text string) (string, error) {
	switch {
	case strings.EqualFold(text, Here):
		return "", fmt.Errorf("%q is the reserved name of this machine. %s", text, NameRule)
	case !name.MatchString(text):
		return "", fmt.Errorf("%q can't name a vantage point. %s", suggest.Abbreviate(text), NameRule)
	default:
		return text, nil
	}
}

// ParseVia returns the name of the vantage point to dial from, which is empty if that is this machine.
func ParseVia(text string) (string, error) {
	switch {
	case strings.EqualFold(text, Here):
		return "", nil
	case strings.TrimSpace(text) == "":
		return "", errors.New("The name of the vantage point is blank. Write the name of a vantage_point block of " +
			"the provider's configuration, or \"here\" to dial from this machine.")
	default:
		return ParseName(text)
	}
}

// Words for who looks names up.
const (
	ResolveThere = "there"
	ResolveHere  = Here
)

// ParseResolve returns who looks names up: the vantage point, this machine, or a name server.
func ParseResolve(text string) (Resolve, error) {
	switch text {
	case ResolveThere:
		return Resolve{}, nil
	case ResolveHere:
		return Resolve{Here: true}, nil
	}
	server, err := netip.ParseAddrPort(text)
	if err == nil && server.Port() != 0 && !server.Addr().Unmap().WithZone("").IsUnspecified() {
		return Resolve{Server: netip.AddrPortFrom(server.Addr().Unmap(), server.Port())}, nil
	}
	hint := suggest.Question(text, []string{ResolveThere, ResolveHere})
	if ip, err := netip.ParseAddr(text); err == nil {
		hint = suggest.Asking(netip.AddrPortFrom(ip, 53).String())
	}
	return Resolve{}, fmt.Errorf("%q does not say who looks names up. Use %q for the vantage point, %q for this "+
		"machine, or ip:port of a name server that the vantage point reaches, for example \"10.0.0.2:53\".%s",
		suggest.Abbreviate(text), ResolveThere, ResolveHere, hint)
}

// ChainProblem is what is wrong with one of several vantage points.
type ChainProblem struct {
	Index int // of the vantage point
	Problem
}

// Validate returns what is wrong with the names of vantage points, and with the ways to them. An empty name is not
// known, and any Via may be the name of that vantage point.
func Validate(configs []Config) (problems []ChainProblem) {
	add := func(index int, argument, format string, arguments ...any) {
		problems = append(problems, ChainProblem{index, Problem{argument, fmt.Sprintf(format, arguments...)}})
	}
	var names []string
	indexes := make(map[string]int, len(configs))
	folded := make(map[string]string, len(configs)) // names by name in lower case
	areKnown := true
	for i, config := range configs {
		if config.Name == "" {
			areKnown = false
			continue
		}
		earlier, taken := folded[strings.ToLower(config.Name)]
		switch {
		case taken && earlier == config.Name:
			add(i, "name", "There are two vantage points with the name %q. Rename one.", config.Name)
		case taken:
			add(i, "name", "The names of the vantage points %q and %q differ only in case. Rename one.",
				earlier, config.Name)
		default:
			folded[strings.ToLower(config.Name)] = config.Name
		}
		if earlier != config.Name {
			names = append(names, config.Name)
			indexes[config.Name] = i
		}
	}
	for i, config := range configs {
		_, exists := indexes[config.Via]
		switch {
		case config.Via == "":
		case config.Via == config.Name:
			add(i, "via", "The vantage point %q can't be reached via itself. Write the name of another one, or leave "+
				"via out to reach it from this machine.", config.Name)
		case !exists && areKnown:
			others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == config.Name })
			add(i, "via", "%s", notConfigured(config.Via, others))
		}
	}
	for _, cycle := range cycles(configs, indexes) {
		text := fmt.Sprintf("%q", configs[cycle[0]].Name)
		for _, index := range cycle {
			text += fmt.Sprintf(" via %q", configs[index].Via)
		}
		add(cycle[0], "via", "None of these vantage points can be reached, since each needs another one: %s. Leave "+
			"via out of the one that this machine reaches.", text)
	}
	return problems
}

// notConfigured returns the error that via names no other vantage point. names are those that exist.
func notConfigured(via string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("There is no vantage point %q: the provider's configuration has no other vantage_point "+
			"block. Add one with this name, or leave via out to reach this one from this machine.", via)
	}
	return suggest.NotOneOf(via, "is not the name of a vantage point of the provider's configuration",
		append(slices.Clone(names), Here))
}

// cycles returns the indexes of the vantage points of each cycle of more than one, in the order of via. indexes are
// those of the names.
func cycles(configs []Config, indexes map[string]int) (found [][]int) {
	seen := make([]bool, len(configs))
	for start := range configs {
		var way []int
		at, exists := start, true
		for exists && !seen[at] {
			seen[at] = true
			way = append(way, at)
			at, exists = indexes[configs[at].Via]
		}
		if begin := slices.Index(way, at); exists && begin >= 0 && len(way)-begin > 1 {
			found = append(found, way[begin:])
		}
	}
	return found
}
