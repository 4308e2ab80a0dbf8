// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Message is an error or a warning for people.
type Message struct {
	IsWarning bool
	Argument  string // of the configuration; empty: it is about none
	Summary   string
	Detail    string
}

// Explain says why a Run returned an error. subject is what was to be checked, and claim the argument that names result
// files.
func Explain(err error, subject, claim string) Message {
	var foreign *bundle.ForeignFileError
	var archive *ArchiveError
	var taken *ClaimError
	var unreported *ReportError
	var untrusted *tcpconnect.VantagePointError
	switch {
	case errors.As(err, &untrusted):
		return Message{Argument: "via", Summary: "Vantage Point Not Usable", Detail: untrusted.Error()}
	case errors.As(err, &taken):
		return Message{Argument: claim, Summary: "Collector Name Used Twice", Detail: err.Error()}
	case errors.Is(err, ErrArchiveWithoutBundle):
		return Message{Argument: "archive", Summary: "Archive Without a Bundle", Detail: err.Error()}
	case errors.Is(err, ErrOlderArchive):
		return Message{Argument: "archive", Summary: "Archive Was Read Before", Detail: err.Error()}
	case errors.Is(err, ErrArchiveExcluded):
		return Message{Argument: "archive", Summary: "Archive of What Is Excluded", Detail: err.Error()}
	case errors.Is(err, ErrArchiveTaken):
		return Message{Argument: "archive", Summary: "Archive Would Be Overwritten", Detail: err.Error()}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Message{Summary: "Check Interrupted", Detail: fmt.Sprintf("The run was stopped while %s was checked. "+
			"Nothing is known about it, and no result was written.", subject)}
	case errors.As(err, &unreported):
		return Message{Summary: "Report Not Written", Detail: fmt.Sprintf("A report about %s was not written: %s. "+
			"Everything else was done. Look at the path, its permissions and the free space, or leave the report out "+
			"of reports in the provider's configuration.\n\nThe result:\n%s",
			subject, err, unreported.Verdict)}
	case errors.As(err, &foreign):
		return Message{Summary: "File of Another Program", Detail: fmt.Sprintf("%s. Give the bundle a directory of "+
			"its own, for example bundle_dir = \"support-bundle\" in the provider's configuration, or move the "+
			"file.", err)}
	case errors.As(err, &archive):
		return Message{Argument: "archive", Summary: "Archive Not Written", Detail: fmt.Sprintf("The check of %s was "+
			"made and the bundle was written, but not the archive: %s. Look at the path, its permissions and the "+
			"free space, or leave archive out.",
			subject, err)}
	default:
		return Message{Summary: "Result Not Written", Detail: fmt.Sprintf("The check of %s was made, but its result "+
			"was not written into the support bundle: %s. Look at the path, its permissions and the free space, "+
			"choose another directory with bundle_dir, or set emit_bundle = false.", subject, err)}
	}
}

// ArchiveMessages returns a warning if the tools of those who receive an archive can't read it.
func (r *Run) ArchiveMessages(archive string) []Message {
	if archive == "" || r.Writer == nil || r.Writer.Format() == bundle.FormatJSON {
		return nil
	}
	return []Message{{
		IsWarning: true,
		Argument:  "archive",
		Summary:   "Archive That Troubleshoot Cannot Read",
		Detail: fmt.Sprintf("The result files in the archive %s have the bundle_format %q, which this provider reads, "+
			"but not the Troubleshoot tools. Set bundle_format = %q in the provider's configuration.",
			archive, r.Writer.Format(), bundle.FormatJSON),
	}}
}

// Messages returns one warning for all warnings of a batch, one for all parts that were not run, and if a finding that
// is strict is a failure one error for all failures. If isGate, all are strict. kind names the batch in their
// summaries.
func (r BatchResult) Messages(kind, archive string, isGate bool) (messages []Message) {
	var warnings, unsupported, strictFailures, failures []string
	var warned []string // collector names
	for _, finding := range r.Findings {
		switch {
		case finding.Verdict == tcpconnect.Pass:
		case finding.CollectorName == "" && finding.Verdict == tcpconnect.Warn:
			unsupported = append(unsupported, finding.Title)
		case finding.Verdict == tcpconnect.Warn:
			warnings = append(warnings, paragraph(finding))
			if !slices.Contains(warned, finding.CollectorName) {
				warned = append(warned, finding.CollectorName)
			}
		case finding.Strict, isGate:
			strictFailures = append(strictFailures, paragraph(finding))
		default:
			failures = append(failures, paragraph(finding))
		}
	}
	checks := counted(len(r.Findings)-len(unsupported), "Check", "Checks")
	if len(warnings) > 0 {
		messages = append(messages, Message{
			IsWarning: true,
			// Terraform shows one of several warnings that have the same summary.
			Summary: fmt.Sprintf("%s: %d of %s Warn: %s", kind, len(warnings), checks, firstOf(warned, len(warned))),
			Detail:  tcpconnect.JoinFirst(warnings, "\n\n"),
		})
	}
	if len(unsupported) > 0 {
		messages = append(messages, Message{
			IsWarning: true,
			Summary:   fmt.Sprintf("%s: %s Left Out", kind, counted(len(unsupported), "Part", "Parts")),
			Detail: "This provider runs tcpConnect collectors and analyzers only. The spec has more:\n\n" +
				tcpconnect.JoinFirst(unsupported, "\n"),
		})
	}
	if len(strictFailures) > 0 {
		all := slices.Concat(strictFailures, failures)
		messages = append(messages, Message{
			Summary: fmt.Sprintf("%s Failed: %d of %s", kind, len(all), checks),
			Detail:  tcpconnect.JoinFirst(all, "\n\n") + r.whereResultsAre(archive),
		})
	}
	return messages
}

// Explanation explains to people what is not a pass, the failures first: a paragraph for each, and where all results
// are. If all pass, it is the message.
func (r BatchResult) Explanation(archive string) string {
	var failures, warnings []string
	for _, finding := range r.Findings {
		switch finding.Verdict {
		case tcpconnect.Pass:
		case tcpconnect.Warn:
			warnings = append(warnings, paragraph(finding))
		default:
			failures = append(failures, paragraph(finding))
		}
	}
	if all := slices.Concat(failures, warnings); len(all) > 0 {
		return tcpconnect.JoinFirst(all, "\n\n") + r.whereResultsAre(archive)
	}
	return r.Message
}

// whereResultsAre is a paragraph that says where all results are, empty if they were not written.
func (r BatchResult) whereResultsAre(archive string) string {
	switch {
	case archive != "":
		return fmt.Sprintf("\n\nThe archive %s holds all results. Send it to those who support you.", archive)
	case r.Report != "":
		return fmt.Sprintf("\n\nThe report %s shows all results.", r.Report)
	case r.BundleDir != "":
		return fmt.Sprintf("\n\nThe support bundle in %s holds all results.", r.BundleDir)
	default:
		return ""
	}
}

// counted is a number with its noun, in the form that the number asks for.
func counted(number int, one, many string) string {
	if number == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", number, many)
}

// paragraph describes a finding in a paragraph.
func paragraph(finding tcpconnect.Finding) string {
	return strings.ReplaceAll(finding.Explanation(), "\n", "\n  ")
}
