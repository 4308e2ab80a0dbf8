// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Terms are what results in a bundle must be to be judged.
type Terms struct {
	MaxAge       time.Duration      // 0: any age
	MissingNodes tcpconnect.Verdict // of a listed node of which the bundle holds nothing; empty: it is an error
}

// What to do instead of reading what may be an older run's: clauses, by whoever reads it.
const (
	useStatus = "use status = data.preflight_tcp_connect.NAME.status, which is always this run's"
	dialAgain = "leave bundle out, so that the collectors of the spec dial"
)

// ReadResults reads the results of a collector from a bundle. Of the bundle and the archives that this run writes it
// returns only what this run wrote: anything else there is an older run's. Terminals can show the texts.
func (r *Run) ReadResults(ctx context.Context, dir, collectorName string, terms Terms) ([]bundle.NodeResult, error) {
	found, err := r.readBundle(ctx, dir, []string{collectorName}, terms, useStatus)
	if err != nil {
		return nil, err
	}
	return found[0].results, found[0].err
}

// ReadAllResults is ReadResults for many collectors, whose names differ. It reads the bundle once, and returns the
// results of each collector by its name. The error names each collector that has no usable result.
func (r *Run) ReadAllResults(
	ctx context.Context, dir string, collectorNames []string, terms Terms,
) (map[string][]bundle.NodeResult, error) {
	found, err := r.readBundle(ctx, dir, collectorNames, terms, dialAgain)
	if err != nil {
		return nil, err
	}
	results := make(map[string][]bundle.NodeResult, len(found))
	var problems []string
	for i, of := range found {
		results[collectorNames[i]] = of.results
		if of.err != nil {
			problems = append(problems, fmt.Sprintf("Collector %q: %s", collectorNames[i], of.err))
		}
	}
	if len(problems) > 0 {
		return nil, errors.New(tcpconnect.JoinFirst(problems, "\n"))
	}
	return results, nil
}

// usable is what a bundle holds of a collector: results that may be judged, or why there are none.
type usable struct {
	results []bundle.NodeResult
	err     error
}

// readBundle reads the results of collectors, in their order. It returns an error about the whole bundle. instead says
// what to do instead of reading an older result.
func (r *Run) readBundle(
	ctx context.Context, dir string, collectorNames []string, terms Terms, instead string,
) ([]usable, error) {
	dir = filepath.Clean(dir)                  // as the paths of what is written are
	wrote := make([]bool, len(collectorNames)) // before they are read
	for i, name := range collectorNames {
		wrote[i] = r.results.wrote(name)
	}
	var found map[string]bundle.Found
	err := r.archives.read(dir, func() (err error) {
		isStatus := func(text string) bool { return tcpconnect.Status(text).Known() }
		found, err = bundle.ReadAll(ctx, dir, collectorNames, isStatus)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]usable, len(collectorNames))
	for i, name := range collectorNames {
		err := r.accept(found[name], dir, name, wrote[i], instead)
		if err == nil {
			err = terms.validate(found[name].Results, instead)
		}
		if err != nil {
			all[i].err = err
		} else {
			all[i].results = found[name].Results
		}
	}
	return all, nil
}

// accept makes the results of a collector fit to be judged, or returns an error. wrote reports whether this run had
// written one before they were read.
func (r *Run) accept(found bundle.Found, dir, collectorName string, wrote bool, instead string) error {
	for i := range found.Results {
		makePrintable(&found.Results[i])
		if err := validateReason(found.Results[i], dir); err != nil {
			return err
		}
	}
	switch {
	case !r.isOwn(dir, found, collectorName):
		return nil
	case !wrote:
		return fmt.Errorf("%s is this provider's own bundle, and this run has written no result of a collector named "+
			"%q: what lies there may be an older run's. (The plan is a process of its own: what it has written is "+
			"not the apply's.) To judge this run, %s.", dir, collectorName, instead)
	default:
		return r.restoreOwn(found.Results, dir, collectorName, instead)
	}
}

// makePrintable makes the texts of a result fit for terminals.
func makePrintable(result *bundle.NodeResult) {
	result.Node = tcpconnect.Printable(result.Node)
	result.Message = tcpconnect.Printable(result.Message)
	result.Reason = tcpconnect.Printable(result.Reason)
}

// validateReason returns an error if the reason of a result belongs to another status. A reason that this version does
// not know may belong to any.
func validateReason(result bundle.NodeResult, dir string) error {
	reason, err := tcpconnect.ParseReason(result.Reason)
	if err != nil || reason.Explains(tcpconnect.Status(result.Status)) {
		return nil
	}
	return fmt.Errorf("%s holds the status %q%s with the reason %q, which belongs to another status: the file was "+
		"changed. Collect the result again.", dir, result.Status, onNode(result.Node), result.Reason)
}

// restoreOwn gives results that this run has written their reasons, which the status format does not hold. Others are
// an error.
func (r *Run) restoreOwn(results []bundle.NodeResult, dir, collectorName, instead string) error {
	for i, result := range results {
		own, isOwn := r.results.recognize(collectorName, result.Result)
		if result.Node != "" || !isOwn {
			return fmt.Errorf("%s holds %q%s, but this run has written %q: another run has overwritten the result. "+
				"To judge this run, %s, and give each run its own bundle_dir.",
				dir, result.Status, onNode(result.Node), r.results.statuses(collectorName), instead)
		}
		results[i].Result = own
	}
	return nil
}

// isOwn reports whether what was found is in the bundle or an archive that this run writes. A bundle may lie inside
// another directory, also inside our own.
func (r *Run) isOwn(dir string, found bundle.Found, collectorName string) bool {
	if found.Dir == "" {
		return r.archives.isOwn(dir)
	}
	return bundle.Same(dir, r.BundleDir, collectorName) || bundle.Same(found.Dir, r.BundleDir, collectorName)
}

// validate returns an error if a result is too old, or missing and that is an error.
func (t Terms) validate(results []bundle.NodeResult, instead string) error {
	var missing []string
	var err error
	for _, result := range results {
		switch {
		case result.Missing:
			missing = append(missing, result.Node)
		case t.MaxAge > 0:
			err = errors.Join(err, checkAge(time.Since(result.CollectedAt), t.MaxAge, instead))
		}
	}
	if len(missing) > 0 && t.MissingNodes == "" {
		err = errors.Join(err, fmt.Errorf("the bundle lists nodes that it holds nothing of: %s. If the tools do not "+
			"reach them, because they are tainted for example, set missing_nodes = %q or %q.",
			tcpconnect.JoinFirst(missing, ", "), tcpconnect.Warn, tcpconnect.Fail))
	}
	return err
}

// clockSkew is how far in the future a result may be dated: the clocks of a network of machines differ a little.
const clockSkew = time.Minute

// checkAge returns an error if a result is too old. One from the future proves nothing: a clock was wrong when it was
// written, or is now.
func checkAge(age, maxAge time.Duration, instead string) error {
	switch {
	case age > maxAge:
		return fmt.Errorf("the result is %s old, and max_age is %s. Run the check again, or %s.",
			tcpconnect.Rounded(age), maxAge, instead)
	case age < -clockSkew:
		return fmt.Errorf("the result is dated %s in the future, so its age is not known. Compare the clocks of the "+
			"machines that wrote and read it.", tcpconnect.Rounded(-age))
	default:
		return nil
	}
}

// NodeFinding is a finding about the result of one node of a cluster, or of the machine that made the bundle.
type NodeFinding struct {
	bundle.NodeResult
	tcpconnect.Finding
}

// JudgeNodes judges results, at least one, each by itself.
func JudgeNodes(analyzer tcpconnect.Analyzer, results []bundle.NodeResult, terms Terms) []NodeFinding {
	findings := make([]NodeFinding, len(results))
	for i, result := range results {
		own := analyzer
		if result.Node != "" {
			own = analyzer.OnNode(result.Node)
		}
		findings[i] = NodeFinding{result, judgeNode(own, result, terms)}
	}
	return findings
}

// plain returns the finding with its node and the result that was read.
func (f NodeFinding) plain() tcpconnect.Finding {
	finding := f.Finding
	finding.Node = f.NodeResult.Node
	if !f.Missing {
		finding.Result = &tcpconnect.Result{
			Status:      tcpconnect.Status(f.Status),
			Reason:      tcpconnect.Reason(f.Reason),
			Message:     f.NodeResult.Message,
			CollectedAt: f.CollectedAt,
		}
	}
	return finding
}

// judgeNode judges the result of a node. The terms say what a missing one means.
func judgeNode(analyzer tcpconnect.Analyzer, result bundle.NodeResult, terms Terms) tcpconnect.Finding {
	if !result.Missing {
		return analyzer.Judge(tcpconnect.Status(result.Status), tcpconnect.Reason(result.Reason))
	}
	return tcpconnect.Finding{
		Verdict: terms.MissingNodes,
		Title:   analyzer.CheckName,
		Message: analyzer.CheckName + ": the bundle holds nothing of this node",
	}
}

// Worst returns the index of the finding that decides for all, and the message of all.
func Worst(findings []NodeFinding) (index int, message string) {
	plain := make([]tcpconnect.Finding, len(findings))
	for i, finding := range findings {
		plain[i] = finding.Finding
	}
	verdict, message := tcpconnect.Summarize(plain)
	if len(plain) == 1 {
		message = plain[0].Message
	}
	index = slices.IndexFunc(plain, func(finding tcpconnect.Finding) bool {
		return finding.Verdict == verdict || verdict == tcpconnect.Fail && !finding.Verdict.Proceed()
	})
	return index, message
}

// Oldest returns when the oldest of the results was written.
func Oldest(findings []NodeFinding) (oldest time.Time) {
	for _, finding := range findings {
		if !finding.Missing && (oldest.IsZero() || finding.CollectedAt.Before(oldest)) {
			oldest = finding.CollectedAt
		}
	}
	return oldest
}

// Explanation explains the finding to people in several lines.
func (f NodeFinding) Explanation() string {
	return f.plain().Explanation()
}

// DetailsOf lists what the message of the whole, which the worst finding decides, does not say.
func DetailsOf(findings []NodeFinding, whole tcpconnect.Finding) []string {
	if len(findings) == 1 {
		return findings[0].plain().Details()
	}
	lines := make([]string, len(findings))
	for i, finding := range findings {
		lines[i] = finding.StatusLine()
	}
	return append([]string{tcpconnect.JoinFirst(lines, "\n")}, whole.Details()...)
}

// StatusLine describes status and reason in a line.
func (f NodeFinding) StatusLine() string {
	switch {
	case f.Missing:
		return fmt.Sprintf("Status%s: none", onNode(f.NodeResult.Node))
	case f.Reason != "":
		return fmt.Sprintf("Status%s: %s, reason: %s", onNode(f.NodeResult.Node), f.Status, f.Reason)
	default:
		return fmt.Sprintf("Status%s: %s", onNode(f.NodeResult.Node), f.Status)
	}
}

// onNode names a node in a sentence, if there is one.
func onNode(node string) string {
	if node == "" {
		return ""
	}
	return fmt.Sprintf(" of the node %q", node)
}
