// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Status is the status of a dial, in the words of Troubleshoot's tcpConnect collector.
type Status string

// The four statuses.
const (
	Connected         Status = "connected"
	ConnectionRefused Status = "connection-refused"
	ConnectionTimeout Status = "connection-timeout"
	Error             Status = "error"
)

// Statuses returns all statuses, from the best to the worst.
func Statuses() []Status {
	return []Status{Connected, ConnectionRefused, ConnectionTimeout, Error}
}

// Known reports whether s is one of the four statuses.
func (s Status) Known() bool {
	return slices.Contains(Statuses(), s)
}

func (s Status) worseThan(other Status) bool {
	return slices.Index(Statuses(), s) > slices.Index(Statuses(), other)
}

// ParseStatus returns the status that text names exactly. The error lists the statuses, and asks whether the nearest
// one was meant. If text names a reason, it asks for the status of the reason.
func ParseStatus(text string) (Status, error) {
	if status := Status(text); status.Known() {
		return status, nil
	}
	if reason := Reason(text); reason.known() {
		return "", notOneOf(text, "is a reason, not a status", Statuses(), suggest.Asking(reason.Status()))
	}
	return "", notOneOf(text, "is not a status", Statuses(), suggest.Question(text, Statuses()))
}

// Reason is why a dial ended in its status.
type Reason string

// The reasons, grouped by the status that they explain.
const (
	ReasonConnected Reason = "connected"

	ReasonRefused Reason = "refused"

	ReasonNoResponse Reason = "no-response"
	ReasonDNSTimeout Reason = "dns-timeout"
	ReasonNotReady   Reason = "not-ready" // of a Retry only

	ReasonNoSuchHost         Reason = "no-such-host"
	ReasonDNSFailure         Reason = "dns-failure"
	ReasonHostUnreachable    Reason = "host-unreachable"
	ReasonNetworkUnreachable Reason = "network-unreachable"
	ReasonProhibited         Reason = "prohibited"
	ReasonReset              Reason = "reset"
	ReasonLocalAddress       Reason = "local-address"
	ReasonLocalLimit         Reason = "local-limit"
	ReasonIntercepted        Reason = "intercepted" // something on the way accepts connections for every address
	ReasonVantageUnreachable Reason = "vantage-unreachable"
	ReasonVantageLimit       Reason = "vantage-limit"
	ReasonVantageProhibited  Reason = "vantage-prohibited"
	ReasonOther              Reason = "other"
)

// Reasons returns all reasons, grouped by status in the order of Statuses.
func Reasons() []Reason {
	return []Reason{
		ReasonConnected, ReasonRefused, ReasonNoResponse, ReasonDNSTimeout, ReasonNotReady,
		ReasonNoSuchHost, ReasonDNSFailure, ReasonHostUnreachable, ReasonNetworkUnreachable,
		ReasonProhibited, ReasonReset, ReasonLocalAddress, ReasonLocalLimit, ReasonIntercepted,
		ReasonVantageUnreachable, ReasonVantageLimit, ReasonVantageProhibited, ReasonOther,
	}
}

// SaysNothing reports whether the reason says nothing about the peer: a limit or a setting of this machine or of a
// vantage point or something on the way caused it, or too few dials were made. No pass outcome matches such a reason,
// and no Retry waits for one. A reason that this version does not know, from a bundle of a later version, counts as
// such a reason. An empty reason does not.
func (r Reason) SaysNothing() bool {
	return slices.Contains(reasonsThatSayNothing, r) || r != "" && !r.known()
}

// vantage reports whether the vantage point or the way to it is the reason.
func (r Reason) vantage() bool {
	return r == ReasonVantageUnreachable || r == ReasonVantageLimit || r == ReasonVantageProhibited
}

func (r Reason) known() bool {
	return slices.Contains(Reasons(), r)
}

var reasonsThatSayNothing = []Reason{
	ReasonNotReady, ReasonLocalAddress, ReasonLocalLimit, ReasonIntercepted,
	ReasonVantageUnreachable, ReasonVantageLimit, ReasonVantageProhibited,
}

// graver reports whether a reason decides if a result has both. A reason that says nothing about the peer comes first,
// then the one with the worse status.
func (r Reason) graver(other Reason) bool {
	if r.SaysNothing() != other.SaysNothing() {
		return r.SaysNothing()
	}
	return r.Status().worseThan(other.Status())
}

// ParseReason returns the reason that text names exactly. The error lists the reasons, and asks whether the nearest one
// was meant. If text names a status, it asks for the reasons of the status.
func ParseReason(text string) (Reason, error) {
	if reason := Reason(text); reason.known() {
		return reason, nil
	}
	if status := Status(text); status.Known() {
		return "", notOneOf(text, "is a status, not a reason", Reasons(), suggest.Asking(status.reasons()...))
	}
	return "", notOneOf(text, "is not a reason", Reasons(), suggest.Question(text, Reasons()))
}

func notOneOf[S ~string](text, is string, known []S, question string) error {
	return fmt.Errorf("%q %s. Use one of %s.%s", text, is, suggest.List(known), question)
}

// Status returns the status that the reason explains.
func (r Reason) Status() Status {
	switch r {
	case ReasonConnected:
		return Connected
	case ReasonRefused:
		return ConnectionRefused
	case ReasonNoResponse, ReasonDNSTimeout, ReasonNotReady:
		return ConnectionTimeout
	default:
		return Error
	}
}

// Explains reports whether a result may have the reason and the status.
func (r Reason) Explains(status Status) bool {
	if r == ReasonNotReady {
		return status != Connected // see Retry
	}
	return r.Status() == status
}

func (s Status) reasons() []Reason {
	return slices.DeleteFunc(Reasons(), func(reason Reason) bool { return reason.Status() != s })
}
