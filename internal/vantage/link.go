// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// link is the connection to a far end, or the way to make connections to it. It may be used concurrently.
//
// Its errors are a *tcpconnect.ReasonError, or a *tcpconnect.VantagePointError about trust and login.
type link interface {
	// reach connects and logs in, if that comes before a dial, within the context. It returns at once while it is
	// connected.
	reach(ctx context.Context) error

	// dial asks the far end to connect to host:port.
	dial(ctx context.Context, address string) (net.Conn, error)

	// answers returns an error if the far end does not answer any more. unanswered is the error of a dial, or nil.
	answers(ctx context.Context, unanswered error) error

	// room is how many dials can be in flight at once.
	room() int

	// close ends all connections.
	close() error
}

// reachFunc opens a connection to the server of a vantage point, from this machine or through another vantage point.
// Its errors are those of a link: nothing that is known about the server is an answer about a target.
type reachFunc func(ctx context.Context, address string) (net.Conn, error)

// unreachable returns the error that the way to a vantage point failed. Its text is not wrapped: what an error on the
// way says must not be taken for an answer about a target.
func unreachable(format string, arguments ...any) error {
	return &tcpconnect.ReasonError{
		Reason: tcpconnect.ReasonVantageUnreachable,
		Err:    fmt.Errorf(format, arguments...),
	}
}

// told returns the error that the far end tells of a target.
func told(reason tcpconnect.Reason, format string, arguments ...any) error {
	return &tcpconnect.ReasonError{Reason: reason, Err: fmt.Errorf(format, arguments...)}
}

// reasonOf returns the reason of an error of a link. It is empty if there is none.
func reasonOf(err error) tcpconnect.Reason {
	if known, ok := errors.AsType[*tcpconnect.ReasonError](err); ok {
		return known.Reason
	}
	return ""
}

// longestText bounds a text of a far end, in bytes.
const longestText = 300

// printable returns a text of a far end on one line that is bounded and that terminals can show.
func printable(text string) string {
	return suggest.AbbreviateTo(longestText, tcpconnect.Printable(strings.Join(strings.Fields(text), " ")))
}
