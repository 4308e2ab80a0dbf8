// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package report makes what people and CI look at of what a run of the provider has done: a page, a Markdown table, and
// a JUnit file. It writes no files.
package report

import (
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Report is what a run has done so far.
type Report struct {
	Mark    string    // stands near the beginning, so that a report is told from the files of others
	Version string    // of the provider
	Began   time.Time // when the run began
	MadeAt  time.Time // when the report was made
	Groups  []Group
}

// Group is a batch of checks, or all single checks, or all analyses of a run.
type Group struct {
	Title string // such as "Endpoints" or "Spec"; not empty
	Rows  []Row
}

// Row is a check or an analysis.
type Row struct {
	// Finding has no verdict if the check is not judged by itself: it is listed, and not counted. Its Result is nil
	// without an answer.
	tcpconnect.Finding
	Skipped string // why nothing was checked, such as "excluded"; empty: it was checked
}
