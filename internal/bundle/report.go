// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// The files at the top of a bundle.
const (
	versionFile  = "version.yaml"
	analysisFile = "analysis.json"
)

// Names of the reports for people and CI, which lie at the top of a bundle too.
const (
	ReportHTML     = "report.html"
	ReportJUnit    = "junit.xml"
	ReportMarkdown = "report.md"
)

// ReportMark stands near the beginning of each such report, so that it is told from the files of others.
const ReportMark = "terraform-provider-preflight report"

// ReportFile is a report for people or CI.
type ReportFile struct {
	Name    string // one of ReportHTML, ReportJUnit and ReportMarkdown
	Content []byte // has ReportMark in its first 512 bytes
}

// Report is the content of a whole bundle: the results of several collectors, and the findings of analyzers.
type Report struct {
	Version  string            // of the program that made it
	Results  []CollectorResult // of an archive; other writings ignore them
	Findings []Finding
	Reports  []ReportFile // WriteAnalysis ignores them
	MadeAt   time.Time
}

// CollectorResult is the result of one collector, whose name ValidateCollectorName accepts.
type CollectorResult struct {
	Collector string
	Result
	CollectedAt time.Time
}

// Finding is the verdict of an analyzer, with its title and its message.
type Finding struct {
	Title    string
	Message  string
	Severity Severity
}

// Severity is a verdict in the words of analysis.json.
type Severity string

// The severities: of a fail, a warn and a pass.
const (
	SeverityError Severity = "error"
	SeverityWarn  Severity = "warn"
	SeverityDebug Severity = "debug"
)

// file is a file of a bundle.
type file struct {
	path    string // slash-separated, relative to the bundle directory
	content []byte
	modTime time.Time
}

// resultFiles returns the files of results.
func resultFiles(results []CollectorResult, format Format) ([]file, error) {
	files := make([]file, 0, len(results))
	for _, result := range results {
		if err := ValidateCollectorName(result.Collector); err != nil {
			return nil, err
		}
		content, err := format.encode(result.Result)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path.Join(connectPath, resultName(result.Collector)), content, result.CollectedAt})
	}
	return files, nil
}

// topFiles returns the files at the top of a bundle, but for the reports.
func (r Report) topFiles() ([]file, error) {
	analysis, err := r.analysis()
	if err != nil {
		return nil, err
	}
	return []file{r.version(), {analysisFile, analysis, r.MadeAt}}, nil
}

func (r Report) version() file {
	version := fmt.Sprintf("apiVersion: troubleshoot.sh/v1beta2\n"+
		"kind: SupportBundle\nspec:\n  versionNumber: %q\n", r.Version)
	return file{versionFile, []byte(version), r.MadeAt}
}

// The shapes of analysis.json, as the Troubleshoot tools write them.
type (
	analysisEntry struct {
		Name         string         `json:"name"`
		Labels       analysisLabels `json:"labels"`
		Insight      insightEntry   `json:"insight"`
		Severity     Severity       `json:"severity"`
		AnalyzerSpec string         `json:"analyzerSpec"`
		Error        string         `json:"error,omitempty"`
	}
	analysisLabels struct {
		DesiredPosition string `json:"desiredPosition,omitempty"`
		IconKey         string `json:"iconKey"`
		IconURI         string `json:"iconUri"`
	}
	insightEntry struct {
		Name     string         `json:"name"`
		Labels   analysisLabels `json:"labels"`
		Primary  string         `json:"primary"`
		Detail   string         `json:"detail"`
		Severity Severity       `json:"severity"`
	}
)

func (r Report) analysis() ([]byte, error) {
	entries := make([]analysisEntry, 0, len(r.Findings))
	for _, finding := range r.Findings {
		name := analysisName(finding.Title)
		entry := analysisEntry{
			Name:   name,
			Labels: analysisLabels{DesiredPosition: "1"},
			Insight: insightEntry{
				Name: name, Primary: finding.Title, Detail: finding.Message, Severity: finding.Severity,
			},
			Severity: finding.Severity,
		}
		if finding.Severity == SeverityError {
			entry.Error = finding.Message
		}
		entries = append(entries, entry)
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false) // people read the messages
	encoder.SetIndent("", "    ")
	err := encoder.Encode(entries)
	return bytes.TrimSuffix(content.Bytes(), []byte("\n")), err
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func analysisName(title string) string {
	return notInNames.ReplaceAllString(strings.ToLower(title), ".")
}
