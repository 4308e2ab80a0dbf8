// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// Endpoint is one of many addresses that a gate is about.
type Endpoint struct {
	Name     string
	Target   tcpconnect.Target
	Timeout  time.Duration       // 0: that of the gate
	Analyzer tcpconnect.Analyzer // without outcomes, the endpoint has to be ready

	// What it means if an endpoint without outcomes is not ready.
	Severity tcpconnect.Verdict // Fail or Warn
	Message  string             // empty: title and status
	URI      string             // may be empty
}

// Endpoints is a gate over many addresses.
type Endpoints struct {
	Title     string     // also the first part of the collector names; empty: they are the endpoints' names
	Endpoints []Endpoint // at least one
	Timeout   time.Duration
	Retry     *tcpconnect.Retry // nil: one dial of each
	Strict    bool
	Archive   string // empty: none
}

// Severities returns what it may mean if an endpoint is not ready, the default first.
func Severities() []tcpconnect.Verdict {
	return []tcpconnect.Verdict{tcpconnect.Fail, tcpconnect.Warn}
}

// CollectorName returns the name of the collector of an endpoint. title is that of the gate.
func CollectorName(title, endpoint string) string {
	if title == "" {
		return endpoint
	}
	return title + "." + endpoint
}

// Validate returns what is wrong with the names of the collectors, and with endpoints and retry together. Arguments
// that are not known are zero.
func (e Endpoints) Validate() (problems []EndpointProblem) {
	first := make(map[string]string, len(e.Endpoints)) // by name in lower case
	for _, endpoint := range e.Endpoints {
		add := func(format string, arguments ...any) {
			text := fmt.Sprintf("endpoints[%q]", endpoint.Name) + fmt.Sprintf(format, arguments...)
			problems = append(problems, EndpointProblem{endpoint.Name, text})
		}
		if err := bundle.ValidateCollectorName(CollectorName(e.Title, endpoint.Name)); err != nil {
			add(": The name of an endpoint names its result file, after the name of the gate if that is set. %s", err)
		}
		key := strings.ToLower(endpoint.Name) // some file systems ignore case
		if earlier, taken := first[key]; taken {
			add(" and endpoints[%q] have names that differ only in case, so one would overwrite the other's result "+
				"on some systems. Rename one.", earlier)
		}
		first[key] = endpoint.Name
		if e.Retry == nil {
			continue
		}
		if e.Timeout > 0 && endpoint.Timeout > e.Timeout {
			add(".timeout is %s, more than the timeout of the gate, %s. With retry, the timeout of an endpoint limits "+
				"one dial, and that of the gate is the time in all. Lower it or raise the other.",
				endpoint.Timeout, e.Timeout)
		}
		passes := endpoint.passes()
		for _, contradiction := range e.Retry.For(passes).Contradictions(e.Timeout, passes) {
			if contradiction.Argument == "until" {
				add(": %s", contradiction.Text)
			}
		}
	}
	return problems
}

// passes returns the statuses that outcomes of the endpoint pass, none if it has no outcomes.
func (e Endpoint) passes() []tcpconnect.Status {
	if len(e.Analyzer.Outcomes) == 0 {
		return nil
	}
	return e.Analyzer.Passes()
}

// canFail reports whether the endpoint can make the gate fail.
func (e Endpoint) canFail() bool {
	return e.Severity != tcpconnect.Warn && e.Analyzer.CanFail()
}

// Batch returns the batch of the gate. timeout is that of a check if neither the endpoint nor the gate has one.
func (e Endpoints) Batch(timeout time.Duration) Batch {
	batch := Batch{Title: cmp.Or(e.Title, "Endpoints"), MaxConcurrency: DefaultMaxConcurrency, Archive: e.Archive}
	key := []string{e.Title, e.Archive}
	for _, endpoint := range e.Endpoints {
		check := Check{CollectorName(e.Title, endpoint.Name), tcpconnect.Check{
			Target:  endpoint.Target,
			Timeout: cmp.Or(endpoint.Timeout, e.Timeout, timeout),
		}}
		if e.Retry != nil {
			check.Retry, check.Timeout = retryOf(*e.Retry, endpoint.Timeout, endpoint.passes()), e.Timeout
		}
		batch.Checks = append(batch.Checks, check)
		batch.Optional = append(batch.Optional, !endpoint.canFail())
		key = append(key, endpoint.Name, check.String(), fmt.Sprintf("%q %q", endpoint.Analyzer, []string{
			string(endpoint.Severity), endpoint.Message, endpoint.URI,
		}))
	}
	batch.Key = fmt.Sprintf("endpoints %q", key)
	batch.Judge = e.judge
	return batch
}

// retryOf returns the retry of one check of a batch. The check's own timeout, if it has one, limits one dial.
func retryOf(retry tcpconnect.Retry, own time.Duration, passes []tcpconnect.Status) *tcpconnect.Retry {
	if own > 0 {
		retry.AttemptTimeout = own
	}
	return retry.For(passes)
}

// judge returns a finding for each endpoint.
func (e Endpoints) judge(results []tcpconnect.Result) []tcpconnect.Finding {
	findings := make([]tcpconnect.Finding, len(results))
	for i, endpoint := range e.Endpoints {
		finding := endpoint.judge(&results[i])
		finding.CollectorName, finding.Strict = CollectorName(e.Title, endpoint.Name), e.Strict
		findings[i] = finding
	}
	return findings
}

func (e Endpoint) judge(result *tcpconnect.Result) tcpconnect.Finding {
	finding := e.Analyzer.JudgeResult(result)
	finding.Address = e.Target.Address.String()
	if len(e.Analyzer.Outcomes) == 0 && finding.Verdict != tcpconnect.Pass {
		finding.Verdict, finding.URI = e.Severity, e.URI
		finding.Message = cmp.Or(e.Message, finding.Message)
	}
	return finding
}

// Failed returns the names of the endpoints whose verdict is neither Pass nor Warn, given the findings about all.
func (e Endpoints) Failed(findings []tcpconnect.Finding) []string {
	failed := make([]string, 0)
	for i, finding := range findings {
		if !finding.Verdict.Proceed() {
			failed = append(failed, e.Endpoints[i].Name)
		}
	}
	return failed
}

// EndpointProblem is what is wrong with one endpoint, or may be.
type EndpointProblem struct {
	Name string // empty: the problem is the whole
	Text string // names the endpoint
}

// EndpointDefaults are what counts for endpoints that say nothing else.
type EndpointDefaults struct {
	Via          string // name of a vantage point; empty: this machine
	Family       tcpconnect.Family
	Source       netip.Addr
	AllAddresses bool
}

const endpointsForm = "endpoints is a map from names to addresses, { database = \"db.example.com:5432\" }, or to " +
	"objects, { database = { address = \"db.example.com:5432\", severity = \"warn\" } }."

// withoutNulls shows how to leave endpoints out. null is what may be null.
func withoutNulls(null string) string {
	return "To leave endpoints out, filter them: { for name, endpoint in var.endpoints : name => endpoint if " + null +
		" != null }."
}

// endpointKeys are the keys of the object of an endpoint.
var endpointKeys = []string{
	"address", "timeout", "all_addresses", "ip_family", "source_address", "via", "check_name", "severity", "message",
	"uri", "outcomes",
}

// DecodeEndpoints decodes the value of endpoints into endpoints in the order of their names. Everything in it that is
// not an endpoint is a problem. Unless isWhole is true, something is wrong or not known yet, and nothing may be judged
// by what is returned.
func DecodeEndpoints(
	value any, defaults EndpointDefaults,
) (endpoints []Endpoint, found []EndpointProblem, isWhole bool) {
	if value == (Unknown{}) {
		return nil, nil, false
	}
	elements, isMap := value.(map[string]any)
	switch {
	case !isMap:
		return nil, []EndpointProblem{{Text: notAMap(value)}}, false
	case len(elements) == 0:
		return nil, []EndpointProblem{{Text: "endpoints is empty: a gate over nothing would stand open. To open it " +
			"on purpose, set exclude = true. " + endpointsForm}}, false
	}
	for _, name := range slices.Sorted(maps.Keys(elements)) {
		d := endpointDecoder{label: fmt.Sprintf("endpoints[%q]", name), defaults: defaults}
		if endpoint, ok := d.decode(name, elements[name]); ok {
			endpoints = append(endpoints, endpoint)
		}
		for _, text := range d.problems {
			found = append(found, EndpointProblem{name, text})
		}
	}
	return endpoints, found, len(endpoints) == len(elements)
}

// notAMap says what endpoints is, and how to make a map of it.
func notAMap(value any) string {
	hint := ""
	switch value.(type) {
	case []any, Set:
		hint = " Each endpoint needs a name: { for address in var.addresses : replace(address, \":\", \"-\") => " +
			"address } makes names of the addresses."
	}
	return fmt.Sprintf("endpoints is %s, not a map. %s%s", kindOf(value), endpointsForm, hint)
}

// endpointDecoder decodes one endpoint.
type endpointDecoder struct {
	label    string // how error messages call it
	defaults EndpointDefaults
	problems
}

// decode returns the endpoint, and whether it is whole: known and without a problem.
func (d *endpointDecoder) decode(name string, value any) (endpoint Endpoint, ok bool) {
	if name == "//" {
		d.addProblem("%s is not an endpoint.%s", d.label, commentHint)
		return endpoint, false
	}
	var object map[string]any
	switch value := value.(type) {
	case Unknown:
		return endpoint, false
	case string:
		object = map[string]any{"address": value}
	case map[string]any:
		object = value
	case nil:
		d.addProblem("%s is null. %s", d.label, withoutNulls("endpoint"))
		return endpoint, false
	default:
		d.addProblem("%s is %s, neither an address nor an object. %s", d.label, kindOf(value), endpointsForm)
		return endpoint, false
	}
	if !d.checkKeys(d.label, object, endpointKeys, endpointKeyHint) {
		return endpoint, false
	}
	endpoint = Endpoint{Name: name, Analyzer: tcpconnect.Analyzer{CheckName: name}, Severity: tcpconnect.Fail}
	_, isString := value.(string)
	// Each field is decoded, so that all problems show at once.
	ok = d.decodeAddress(&endpoint, object["address"], isString)
	for _, decode := range []func(*Endpoint, map[string]any) bool{
		d.decodeTarget, d.decodeTimeout, d.decodeTexts, d.decodeSeverity, d.decodeOutcomes,
	} {
		isWhole := decode(&endpoint, object)
		ok = ok && isWhole
	}
	if !ok {
		return endpoint, false
	}
	if err := endpoint.Target.Validate(); err != nil {
		d.addProblem("%s: %s", d.label, err)
		return endpoint, false
	}
	return endpoint, true
}

func endpointKeyHint(key string, known []string) string {
	switch key {
	case "//":
		return commentHint
	case "retry", "strict", "exclude", "triggers", "archive", "max_concurrency":
		return fmt.Sprintf(" %s stands beside endpoints, for all of them.", key)
	case "fail", "warn", "pass", "when", "title":
		return fmt.Sprintf(" %s stands inside outcomes: outcomes = [{ fail = { when = \"error\" } }, ...].", key)
	case "vantage_point", "bastion", "proxy", "ssh":
		return " To dial from a vantage point, write its name in via."
	case "collector_name":
		return " The name of the endpoint is that of its collector."
	case "host", "port":
		return " Write both in address: \"host:port\"."
	default:
		return suggest.Question(key, known)
	}
}

// decodeAddress sets the address. isShort says that it is the whole endpoint.
func (d *endpointDecoder) decodeAddress(endpoint *Endpoint, value any, isShort bool) bool {
	label := d.label + ".address"
	if isShort {
		label = d.label
	}
	switch value := value.(type) {
	case Unknown:
		return false
	case nil:
		d.addProblem("%s has no address, or it is null. Write address = \"host:port\". %s", d.label,
			withoutNulls("endpoint.address"))
		return false
	case string:
		address, err := tcpconnect.ParseAddress(value)
		if err != nil && strings.Contains(value, ",") {
			err = fmt.Errorf("%w An endpoint is one address: give each a name of its own.", err)
		}
		if err != nil {
			d.addProblem("%s: %s", label, err)
		}
		endpoint.Target.Address = address
		return err == nil
	default:
		d.addProblem("%s is %s, not a string. %s", label, kindOf(value), tcpconnect.AddressForm)
		return false
	}
}

// decodeTarget sets how the address is dialled.
func (d *endpointDecoder) decodeTarget(endpoint *Endpoint, object map[string]any) bool {
	target := &endpoint.Target
	target.Family, target.Source = d.defaults.Family, d.defaults.Source
	target.AllAddresses, target.Via = d.defaults.AllAddresses, d.defaults.Via
	familyOK := decodeText(d, "ip_family", object, tcpconnect.ParseFamily, &target.Family)
	if target.Family == tcpconnect.AnyFamily {
		target.Family = "" // the same check as without it
	}
	viaOK := decodeText(d, "via", object, vantage.ParseVia, &target.Via)
	sourceOK := decodeText(d, "source_address", object, tcpconnect.ParseSource, &target.Source)
	allOK := true
	switch value := object["all_addresses"].(type) {
	case nil:
	case Unknown:
		allOK = false
	case bool:
		target.AllAddresses = value
	case string: // tomap makes it one
		allOK = decodeText(d, "all_addresses", object, parseBool, &target.AllAddresses)
	default:
		d.addProblem("%s.all_addresses is %s, not a boolean.", d.label, kindOf(value))
		allOK = false
	}
	return familyOK && viaOK && sourceOK && allOK
}

func parseBool(text string) (bool, error) {
	word, err := suggest.Choose(text, "is not a boolean", []string{"true", "false"})
	return word == "true", err
}

func (d *endpointDecoder) decodeTimeout(endpoint *Endpoint, object map[string]any) bool {
	if _, isNumber := object["timeout"].(Number); isNumber {
		d.addProblem("%s.timeout is a number, not a duration. Write it as a string with a unit, for example \"5s\".",
			d.label)
		return false
	}
	return decodeText(d, "timeout", object, tcpconnect.ParseDuration, &endpoint.Timeout)
}

// decodeTexts sets the texts for people. A blank one counts as absent.
func (d *endpointDecoder) decodeTexts(endpoint *Endpoint, object map[string]any) bool {
	ok := true
	for _, field := range []struct {
		key    string
		target *string
	}{
		{"check_name", &endpoint.Analyzer.CheckName}, {"message", &endpoint.Message}, {"uri", &endpoint.URI},
	} {
		text, isWhole := d.text(d.label, field.key, object)
		if strings.TrimSpace(text) != "" {
			*field.target = text
		}
		ok = ok && isWhole
	}
	return ok
}

func (d *endpointDecoder) decodeSeverity(endpoint *Endpoint, object map[string]any) bool {
	return decodeText(d, "severity", object, parseSeverity, &endpoint.Severity)
}

// parseSeverity returns the severity that a text names.
func parseSeverity(text string) (tcpconnect.Verdict, error) {
	return suggest.Choose(text, "is not what it can mean if an endpoint is not ready", Severities())
}

// decodeOutcomes sets the outcomes. They say what severity, message and uri say otherwise.
func (d *endpointDecoder) decodeOutcomes(endpoint *Endpoint, object map[string]any) bool {
	value := object["outcomes"]
	if value == nil {
		return true
	}
	isAlone := true
	for _, key := range []string{"severity", "message", "uri"} {
		if other := object[key]; other != nil && other != (Unknown{}) {
			d.addProblem("%s has both outcomes and %s. Say it in outcomes: each fail, warn and pass has a message "+
				"and a uri of its own.", d.label, key)
			isAlone = false
		}
	}
	outcomes, found, isWhole := DecodeOutcomes(d.label+".outcomes", value)
	for _, problem := range found {
		d.addProblem("%s", problem.Text)
	}
	endpoint.Analyzer.Outcomes = outcomes
	return isAlone && isWhole
}

// decodeText sets a target to what a text means, unless it is null or absent. It returns false if the text is wrong or
// not known.
func decodeText[T any](
	d *endpointDecoder, key string, object map[string]any, parse func(string) (T, error), target *T,
) bool {
	text, isWhole := d.text(d.label, key, object)
	if object[key] == nil || !isWhole {
		return isWhole
	}
	value, err := parse(text)
	if err != nil {
		d.addProblem("%s.%s: %s", d.label, key, err)
		return false
	}
	*target = value
	return true
}
