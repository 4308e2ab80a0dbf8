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

// docString is a field of v1beta3 that describes an entry. It has no effect.
const docString = "docString"

// The host collectors and analyzers of Troubleshoot other than tcpConnect. To update them, copy the keys of
// items.properties of these fields from both files in github.com/replicatedhq/troubleshoot, which can differ:
//
//	schemas/supportbundle-troubleshoot-v1beta2.json        properties.spec.properties.{hostCollectors,hostAnalyzers}
//	config/crds/troubleshoot.sh_hostpreflights.yaml        ...properties.spec.properties.{collectors,analyzers}
//
// v1beta3 (pkg/apis/troubleshoot/v1beta3) has the same ones. Last updated for v0.133.0.
var (
	otherCollectors = []string{
		"blockDevices", "certificate", "certificatesCollection", "cgroups", "copy", "cpu", "diskUsage", "dns",
		"filesystemPerformance", "hostOS", "hostServices", "http", "httpLoadBalancer", "ipv4Interfaces", "journald",
		"kernelConfigs", "kernelModules", "kubernetes", "memory", "networkNamespaceConnectivity", "registryImages",
		"run", "subnetAvailable", "sysctl", "systemPackages", "tcpLoadBalancer", "tcpPortStatus", "time",
		"udpPortStatus",
	}
	otherAnalyzers = []string{
		"blockDevices", "certificate", "certificatesCollection", "cpu", "diskUsage", "filesystemPerformance", "hostOS",
		"hostServices", "http", "httpLoadBalancer", "ipv4Interfaces", "jsonCompare", "kernelConfigs", "kernelModules",
		"memory", "networkNamespaceConnectivity", "registryImages", "subnetAvailable", "subnetContainsIP", "sysctl",
		"systemPackages", "tcpLoadBalancer", "tcpPortStatus", "textAnalyze", "time", "udpPortStatus",
	}
)

// decodeEntries decodes the tcpConnect entries of a list and skips the others.
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
			d.addProblem(d.position(element), "%s is empty. An entry holds exactly one kind, for example tcpConnect.",
				label)
		case len(names) > 1:
			d.addProblem(d.position(element), "%s has %d kinds (%s). An entry holds exactly one, "+
				"for example tcpConnect.", label, len(names), strings.Join(names, ", "))
		case names[0] == tcpConnect:
			d.entry = nameOf(fields[tcpConnect])
			decode(fields[tcpConnect], label+"."+tcpConnect)
			d.entry = ""
		default:
			d.skipEntry(fields[names[0]], label+"."+names[0], names[0])
		}
	}
}

// skipEntry skips an entry of a kind that is not run. It does not list an excluded entry.
func (d *decoder) skipEntry(entry *yaml.Node, path, name string) {
	why := "this provider does not run " + name
	d.rejectMisplaced(entry, path, why)
	if !excluded(entry) {
		d.skip(path, why)
	}
}

// nameOf returns the name of the check or of the collector that an entry describes.
func nameOf(entry *yaml.Node) string {
	return cmp.Or(text(child(entry, "checkName")), text(child(entry, "collectorName")))
}

// excluded reports whether an entry that is not run is excluded.
func excluded(entry *yaml.Node) bool {
	value, _ := strconv.ParseBool(text(child(entry, "exclude"))) // false if it is not a boolean
	return value
}

func (d *decoder) decodeCollector(entry *yaml.Node, label string) {
	before := d.count()
	fields, _ := d.mapping(entry, label, "address", "timeout", "collectorName", "exclude")
	collector := Collector{
		Name:     d.collectorName(fields, label),
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

func (d *decoder) collectorName(fields fields, label string) string {
	name := d.optionalText(fields["collectorName"], label+".collectorName")
	return cmp.Or(name, tcpconnect.DefaultCollectorName)
}

func (d *decoder) decodeAnalyzer(entry *yaml.Node, label string) {
	before := d.count()
	fields, _ := d.mapping(entry, label, "checkName", "collectorName", "exclude", "strict", "annotations", "outcomes")
	analyzer := Analyzer{
		CollectorName: d.collectorName(fields, label),
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

// The fields of an outcome, and the fields of its verdict.
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

// decodeOutcome returns an outcome. If it adds a problem, what it returns has no meaning.
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

// boolean returns a boolean, which may be written as a string. Null and the empty string are false.
func (d *decoder) boolean(node *yaml.Node, label string) bool {
	written := d.optionalText(node, label)
	if written == "" {
		return false
	}
	value, err := strconv.ParseBool(written)
	if err != nil {
		d.addProblem(d.position(node), "%s is %q, which is neither true nor false. Write true or false.",
			label, written)
	}
	return value
}

// optional returns a text as parsed by parse, or adds its error. It returns the zero value if the text is absent, null
// or empty.
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
