// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const tcpConnect = "tcpConnect"

// otherEntries are the host collectors and analyzers that Troubleshoot knows beside tcpConnect.
var otherEntries = []string{
	"blockDevices", "certificate", "certificatesCollection", "cgroups", "copy", "cpu", "diskUsage", "dns", "filesystemPerformance", "hostOS", "hostServices", "http", "httpLoadBalancer",
	"ipv4Interfaces", "journald", "jsonCompare", "kernelConfigs", "kernelModules", "kubernetes", "memory", "networkNamespaceConnectivity", "run", "subnetAvailable", "sysctl", "systemPackages",
	"tcpLoadBalancer", "tcpPortStatus", "textAnalyze", "time", "udpPortStatus",
}

// decodeEntries decodes the tcpConnect entries of a list and notes the others as unsupported.
func (d *decoder) decodeEntries(list *yaml.Node, position string, decode func(entry *yaml.Node, label string)) {
	for i, element := range d.sequence(list, position) {
		label := fmt.Sprintf("%s[%d]", position, i)
		fields, ok := d.mapping(element, label, append([]string{tcpConnect}, otherEntries...)...)
		if !ok {
			continue
		}
		names := slices.DeleteFunc(fields.keys(), func(name string) bool { return name != tcpConnect && isNull(fields[name]) })
		switch {
		case len(names) != 1:
			d.addProblem(d.position(element), "%s has %d kinds (%s). An entry holds exactly one, for example tcpConnect.", label, len(names), strings.Join(names, ", "))
		case names[0] == tcpConnect:
			decode(fields[tcpConnect], label+"."+tcpConnect)
		case !excluded(fields[names[0]]):
			d.spec.Unsupported = append(d.spec.Unsupported, label+"."+names[0])
		}
	}
}

// excluded tells whether an entry that is not run asks to be left out anyway.
func excluded(entry *yaml.Node) bool {
	entry = resolved(entry)
	for i := 0; i+1 < len(entry.Content) && entry.Kind == yaml.MappingNode; i += 2 {
		if entry.Content[i].Value == "exclude" {
			value, err := strconv.ParseBool(text(entry.Content[i+1]))
			return err == nil && value
		}
	}
	return false
}

func (d *decoder) decodeCollector(entry *yaml.Node, label string) {
	fields, ok := d.mapping(entry, label, "address", "timeout", "collectorName", "exclude")
	if !ok {
		return
	}
	collector := Collector{
		Name:     cmp.Or(d.optionalText(fields["collectorName"], label+".collectorName"), tcpconnect.DefaultCollectorName),
		Excluded: d.boolean(fields["exclude"], label+".exclude"),
		Position: d.position(entry),
	}
	collector.Address = parsed(d, d.positionOf(fields["address"], entry), label+".address", d.optionalText(fields["address"], label+".address"), tcpconnect.ParseAddress)
	if timeout := d.optionalText(fields["timeout"], label+".timeout"); timeout != "" {
		collector.Timeout = parsed(d, d.position(fields["timeout"]), label+".timeout", timeout, tcpconnect.ParseDuration)
	}
	d.spec.Collectors = append(d.spec.Collectors, collector)
}

func (d *decoder) decodeAnalyzer(entry *yaml.Node, label string) {
	fields, ok := d.mapping(entry, label, "checkName", "collectorName", "exclude", "strict", "annotations", "outcomes")
	if !ok {
		return
	}
	analyzer := Analyzer{
		CollectorName: cmp.Or(d.optionalText(fields["collectorName"], label+".collectorName"), tcpconnect.DefaultCollectorName),
		Excluded:      d.boolean(fields["exclude"], label+".exclude"),
		Strict:        d.boolean(fields["strict"], label+".strict"),
	}
	analyzer.CheckName = cmp.Or(d.optionalText(fields["checkName"], label+".checkName"), tcpconnect.DefaultCheckName)
	outcomes := d.sequence(fields["outcomes"], label+".outcomes")
	if len(outcomes) == 0 {
		d.addProblem(d.positionOf(fields["outcomes"], entry), "%s has no outcomes, so nothing could ever pass.", label)
	}
	for i, element := range outcomes {
		if outcome, ok := d.decodeOutcome(element, fmt.Sprintf("%s.outcomes[%d]", label, i)); ok {
			analyzer.Outcomes = append(analyzer.Outcomes, outcome)
		}
	}
	d.spec.Analyzers = append(d.spec.Analyzers, analyzer)
}

func (d *decoder) decodeOutcome(element *yaml.Node, label string) (outcome tcpconnect.Outcome, ok bool) {
	verdicts := tcpconnect.Verdicts()
	names := make([]string, 0, len(verdicts))
	for _, verdict := range verdicts {
		names = append(names, string(verdict))
	}
	fields, ok := d.mapping(element, label, names...)
	if !ok {
		return outcome, false
	}
	found := slices.DeleteFunc(verdicts, func(verdict tcpconnect.Verdict) bool { return isNull(fields[string(verdict)]) })
	verdict, err := tcpconnect.OneVerdict(found)
	if err != nil {
		d.addProblem(d.position(element), "%s %s", label, err)
		return outcome, false
	}
	label += "." + string(verdict)
	inner, ok := d.mapping(fields[string(verdict)], label, tcpconnect.OutcomeFields()...)
	if !ok {
		return outcome, false
	}
	outcome = tcpconnect.Outcome{
		Verdict: verdict,
		Title:   d.optionalText(inner["title"], label+".title"),
		Message: d.optionalText(inner["message"], label+".message"),
		URI:     d.optionalText(inner["uri"], label+".uri"),
	}
	if when := inner["when"]; when != nil {
		outcome.When = parsed(d, d.position(when), label+".when", d.optionalText(when, label+".when"), verdict.ParseWhen)
	}
	return outcome, true
}

// boolean reads a boolean, which may be written as a string. Null and the empty string are false.
func (d *decoder) boolean(node *yaml.Node, label string) bool {
	written := d.optionalText(node, label)
	if written == "" {
		return false
	}
	value, err := strconv.ParseBool(written)
	if err != nil {
		d.addProblem(d.position(node), "%s is %q, which is neither true nor false.", label, written)
	}
	return value
}

// parsed returns what a text means, or adds what is wrong with it.
func parsed[T any](d *decoder, at Position, label, text string, parse func(string) (T, error)) T {
	value, err := parse(text)
	if err != nil {
		d.addProblem(at, "%s: %s", label, err)
	}
	return value
}
