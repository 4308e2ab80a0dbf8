// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package tcpconnect checks whether this machine can open a TCP connection to an address, and judges the result.
//
// A Collector makes a Check and returns a Result, whose Status is one of four words. An Analyzer turns the status into
// a Verdict by an ordered list of outcomes. Both follow the tcpConnect collector and analyzer of Troubleshoot
// (https://troubleshoot.sh/docs/host-collect-analyze/tcpConnect/). If those leave a case open, the check fails.
//
// The package does not depend on Terraform, and does not read or write files. Names are looked up by a Resolver, and
// connections are opened by a Dialer.
package tcpconnect
