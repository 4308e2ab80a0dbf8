// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const tcpConnect = "tcpConnect"

// docString documents an entry of v1beta3. It stands beside the entry's kind and has no effect.
const docString = "docString"

// The host collectors and analyzers that Troubleshoot knows beside tcpConnect. To refresh them, take the keys of
// items.properties of these fields in github.com/replicatedhq/troubleshoot, of both files, which are not always in step:
//
//	schemas/supportbundle-troubleshoot-v1beta2.json        properties.spec.properties.{hostCollectors,hostAnalyzers}
//	config/crds/troubleshoot.sh_hostpreflights.yaml        ...properties.spec.properties.{collectors,analyzers}
//
// v1beta3 has no schema of its own for them (pkg/apis/troubleshoot/v1beta3), and no others. Last done for v0.133.0.
var (
	otherCollectors = []string{
		"blockDevices", "certificate", "certificatesCollection", "cgroups", "copy", "cpu", "diskUsage", "dns",
		"filesystemPerformance", "hostOS", "hostServices", "http", "httpLoadBalancer", "ipv4Interfaces", "journald",
		"kernelConfigs", "kernelModules", "kubernetes", "memory", "networkNamespaceConnectivity", "registryImages", "run",
		"subnetAvailable", "sysctl", "systemPackages", "tcpLoadBalancer", "tcpPortStatus", "time", "udpPortStatus",
	}
	otherAnalyzers = []string{
		"blockDevices", "certificate", "certificatesCollection", "cpu", "diskUsage", "filesystemPerformance", "hostOS",
		"hostServices", "http", "httpLoadBalancer", "ipv4Interfaces", "jsonCompare", "kernelConfigs", "kernelModules",
		"memory", "networkNamespaceConnectivity", "registryImages", "subnetAvailable", "subnetContainsIP", "sysctl",
		"systemPackages", "tcpLoadBalancer", "tcpPortStatus", "textAnalyze", "time", "udpPortStatus",
	}
)

// decodeEntries decodes the tcpConnect entries of a list and notes the others as unsupported.
func (d *decoder) decodeEntries(
	list *yaml.Node, path string, others []string, decode func(entry *yaml.Node, label string),
) {
	known := slices.Concat([]string{tcpConnect, docString}, others)
	for i, element := range d.sequence(list, path) {
		label := indexed(path, i)
		before := d.count()
		fields, _ := d.mapping(element, label, known...)
		if d.count() > before {
			continue
		}
		if fields[docString] != nil {
			d.text(fields[docString], label+"."+docString)
		}
		names := slices.DeleteFunc(fields.keys(), func(name string) bool {
			return name == docString || name != tcpConnect && isNull(fields[name])
		})
		switch {
		case len(names) == 0:
			d.addProblem(d.position(element), "%s is empty. An entry holds exactly one kind, for example tcpConnect.", label)
		case len(names) > 1:
			d.addProblem(d.position(element), "%s has %d kinds (%s). An entry holds exactly one, for example tcpConnect.",
				label, len(names), strings.Join(names, ", "))
		case names[0] == tcpConnect:
			d.entry = nameOf(fields[tcpConnect])
			decode(fields[tcpConnect], label+"."+tcpConnect)
			d.entry = ""
		default:
			d.leaveOutEntry(fields[names[0]], label+"."+names[0], names[0])
		}
	}
}

// leaveOutEntry notes an entry that is not run, unless it asks to be left out anyway.
func (d *decoder) leaveOutEntry(entry *yaml.Node, path, name string) {
	why := "this provider does not run " + name
	d.rejectMisplaced(entry, path, why)
	if !excluded(entry) {
		d.leaveOut(path, why)
	}
}

// nameOf is what people call an entry: the name of the check, or of the collector.
func nameOf(entry *yaml.Node) string {
	return cmp.Or(text(child(entry, "checkName")), text(child(entry, "collectorName")))
}

// excluded reports whether an entry that is not run asks to be left out anyway.
func excluded(entry *yaml.Node) bool {
	value, _ := strconv.ParseBool(text(child(entry, "exclude"))) // false if it is neither
	return value
}

func (d *decoder) decodeCollector(entry *yaml.Node, label string) {
	before := d.count()
	fields, _ := d.mapping(entry, label, "address", "timeout", "collectorName", "exclude")
	collector := Collector{
		Name:     cmp.Or(d.optionalText(fields["collectorName"], label+".collectorName"), tcpconnect.DefaultCollectorName),
		Excluded: d.boolean(fields["exclude"], label+".exclude"),
		Position: d.position(entry),
	}
	collector.Address = optional(d, fields["address"], label+".address", tcpconnect.ParseAddress)
	collector.Timeout = optional(d, fields["timeout"], label+".timeout", tcpconnect.ParseDuration)
	if text(fields["address"]) == "" && d.count() == before {
		d.addProblem(d.position(entry), "%s has no address. Write what to connect to, host:port.", label)
	}
	d.spec.Collectors = append(d.spec.Collectors, collector)
}

func (d *decoder) decodeAnalyzer(entry *yaml.Node, label string) {
	before := d.count()
	fields, _ := d.mapping(entry, label, "checkName", "collectorName", "exclude", "strict", "annotations", "outcomes")
	analyzer := Analyzer{
		CollectorName: cmp.Or(d.optionalText(fields["collectorName"], label+".collectorName"), tcpconnect.DefaultCollectorName),
		Excluded:      d.boolean(fields["exclude"], label+".exclude"),
		Strict:        d.boolean(fields["strict"], label+".strict"),
		Position:      d.position(entry),
	}
	d.addError(fields["collectorName"], label+".collectorName", tcpconnect.ValidateText(analyzer.CollectorName))
	analyzer.CheckName = cmp.Or(d.prose(fields["checkName"], label+".checkName"), tcpconnect.DefaultCheckName)
	outcomes := d.sequence(fields["outcomes"], label+".outcomes")
	if len(outcomes) == 0 && d.count() == before {
		d.addProblem(d.positionOf(fields["outcomes"], entry), "%s has no outcomes, so nothing could ever pass.", label)
	}
	for i, element := range outcomes {
		analyzer.Outcomes = append(analyzer.Outcomes, d.decodeOutcome(element, indexed(label+".outcomes", i)))
	}
	d.spec.Analyzers = append(d.spec.Analyzers, analyzer)
}

// The fields of an outcome, and those of its verdict.
var (
	verdictNames  = namesOf(tcpconnect.Verdicts())
	outcomeFields = tcpconnect.OutcomeFields()
)

func namesOf(verdicts []tcpconnect.Verdict) []string {
	names := make([]string, 0, len(verdicts))
	for _, verdict := range verdicts {
		names = append(names, string(verdict))
	}
	return names
}

// decodeOutcome returns the outcome that a node holds. What it returns beside a problem has no meaning.
func (d *decoder) decodeOutcome(element *yaml.Node, label string) tcpconnect.Outcome {
	before := d.count()
	fields, _ := d.mapping(element, label, verdictNames...)
	if d.count() > before {
		return tcpconnect.Outcome{}
	}
	var found []tcpconnect.Verdict
	for _, name := range verdictNames {
		if !isNull(fields[name]) {
			found = append(found, tcpconnect.Verdict(name))
		}
	}
	verdict, err := tcpconnect.OneVerdict(found)
	if err != nil {
		d.addProblem(d.position(element), "%s %s", label, err)
		return tcpconnect.Outcome{}
	}
	label += "." + string(verdict)
	inner, _ := d.mapping(fields[string(verdict)], label, outcomeFields...)
	outcome := tcpconnect.Outcome{
		Verdict: verdict,
		Title:   d.prose(inner["title"], label+".title"),
		Message: d.prose(inner["message"], label+".message"),
		URI:     d.prose(inner["uri"], label+".uri"),
	}
	if when := inner["when"]; when != nil && text(when) == "" {
		_, err := verdict.ParseWhen("")
		d.addError(when, label+".when", err)
	}
	outcome.When = optional(d, inner["when"], label+".when", verdict.ParseWhen)
	return outcome
}

// boolean reads a boolean, which may be written as a string. Null and the empty string are false.
func (d *decoder) boolean(node *yaml.Node, label string) bool {
	written := d.optionalText(node, label)
	if written == "" {
		return false
	}
	value, err := strconv.ParseBool(written)
	if err != nil {
		d.addProblem(d.position(node), "%s is %q, which is neither true nor false. Write true or false.", label, written)
	}
	return value
}

// optional returns what a text means, or adds what is wrong with it. An absent, null or empty one means nothing.
func optional[T any](d *decoder, node *yaml.Node, label string, parse func(string) (T, error)) (value T) {
	before := d.count()
	text := d.optionalText(node, label)
	if text == "" || d.count() > before {
		return value
	}
	value, err := parse(text)
	d.addError(node, label, err)
	return value
}
