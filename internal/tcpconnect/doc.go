// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package tcpconnect answers one question, can this machine open a TCP connection to that address?, and judges the answer.
//
// A Collector dials an Address and returns a Result, whose Status is one of four words; an Analyzer turns the status into a
// Verdict through ordered outcomes. Both mean what the tcpConnect collector and analyzer of Troubleshoot mean
// (https://troubleshoot.sh/docs/host-collect-analyze/tcpConnect/), and where those are silent a check fails rather than passes.
//
// The package knows nothing of Terraform or of files. How a connection is made is behind two seams, Resolver and DialFunc.
package tcpconnect
