// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// maxSize limits the texts, in bytes. Two bytes of a text can become a node of 200 bytes.
const maxSize = 4 << 20

// document is one document of a text.
type document struct {
	root   *yaml.Node
	within string // the part of the text that its lines are counted in; empty: the whole text
	path   string // the beginning of the paths of its parts, such as "documents[1]."; empty: it is the only document
}

// troubleshootGroup is part of every API group that Troubleshoot has had.
const troubleshootGroup = "troubleshoot"

// apiVersions lists the versions of the format. Their tcpConnect entries are the same.
var apiVersions = []string{
	"troubleshoot.sh/v1beta2", "troubleshoot.sh/v1beta3", "troubleshoot.sh/v1beta1",
	"troubleshoot.replicated.com/v1beta1", "troubleshoot.replicated.com/v1beta2",
}

// kind describes what the spec field of a kind of document may hold.
type kind struct {
	collectors, analyzers string            // the fields whose tcpConnect entries are run; empty: there is none
	unsupported           map[string]string // fields that Troubleshoot knows, and why they are skipped
}

const (
	whyNoCollectors = "this provider does not run collectors of a cluster"
	whyNoAnalyzers  = "this provider does not run analyzers of a cluster"
	whyNoRemote     = "this provider does not run remote collectors"
	whyNoURI        = "this provider does not fetch other specs"
)

var kinds = map[string]kind{
	"SupportBundle": {"hostCollectors", "hostAnalyzers", map[string]string{
		"collectors":             whyNoCollectors,
		"analyzers":              whyNoAnalyzers,
		"remoteCollectors":       whyNoRemote,
		"afterCollection":        "this provider does nothing after the collection",
		"uri":                    whyNoURI,
		"runHostCollectorsInPod": "this provider does not run collectors in a Pod",
	}},
	"HostPreflight": {"collectors", "analyzers", map[string]string{"remoteCollectors": whyNoRemote, "uri": whyNoURI}},
	"HostCollector": {"collectors", "", map[string]string{
		"analyzers": "neither Troubleshoot nor this provider runs analyzers of a HostCollector",
		"uri":       whyNoURI,
	}},
	"Analyzer": {"", "hostAnalyzers", map[string]string{"analyzers": whyNoAnalyzers, "uri": whyNoURI}},
}

// otherKinds lists the kinds of Troubleshoot that have neither host collectors nor host analyzers.
var otherKinds = []string{"Preflight", "Collector", "RemoteCollector", "Redactor"}

// The places where a tcpConnect is run.
const (
	collectorPlaces = "hostCollectors of a SupportBundle, or collectors of a HostPreflight or HostCollector"
	analyzerPlaces  = "hostAnalyzers of a SupportBundle or Analyzer, or analyzers of a HostPreflight"
)

const giveText = "Give the text of a spec, for example file(\"preflight.yaml\")."

const renderText = "Render it first, for example with helm template or kots, and give the result."

// decodeText adds the documents of a text to the spec.
func (d *decoder) decodeText(text string) {
	if !d.fits(text) {
		return
	}
	roots, problem := parse(text)
	if problem != nil {
		d.addSyntaxProblem(*problem)
	} else if len(roots) == 0 {
		d.addProblem(Position{}, "There is no document. "+giveText)
	}
	d.decodeDocuments(roots, "", "")
}

// fits reports whether the text and all texts before it are at most maxSize long together.
func (d *decoder) fits(text string) bool {
	if d.size += len(text); d.size <= maxSize {
		return true
	}
	d.addProblem(Position{}, "The spec is larger than the maximum of %d bytes. "+
		"The texts in Secrets and ConfigMaps count too.", maxSize)
	return false
}

// parse returns the documents of a text that are not empty, or what is wrong with the text.
func parse(text string) ([]*yaml.Node, *Problem) {
	if root := parseJSON(text); root != nil {
		return []*yaml.Node{root}, nil
	}
	return parseYAML(text)
}

func parseYAML(text string) ([]*yaml.Node, *Problem) {
	var roots []*yaml.Node
	loader, err := yaml.NewLoader(strings.NewReader(text))
	for err == nil {
		root := new(yaml.Node)
		if err = loader.Load(root); err == nil && !isNull(root.Content[0]) {
			roots = append(roots, root.Content[0])
		}
	}
	if errors.Is(err, io.EOF) {
		return roots, nil
	}
	at, said := Position{}, err.Error()
	if loadError, ok := errors.AsType[*yaml.LoadError](err); ok {
		at, said = Position{Line: loadError.Mark.Line, Column: loadError.Mark.Column}, loadError.Message
		if loadError.ContextMark.Line > 0 {
			said = fmt.Sprintf("%s that begins at line %d: %s", loadError.ContextMsg, loadError.ContextMark.Line, said)
		}
	}
	problem := Problem{at, fmt.Sprintf("This is not valid YAML: %s.", said)}
	if line := lastTemplate(text, at.Line); line > 0 {
		problem.Text += fmt.Sprintf(" Line %d has a template expression (\"{{\"). If that is the cause: %s",
			line, renderText)
	}
	return nil, &problem
}

// lastTemplate returns the number of the last line that has a template expression and is not a comment, at most limit.
// It returns 0 if there is none.
func lastTemplate(text string, limit int) int {
	line, last := 0, 0
	for content := range strings.Lines(text) {
		if line++; line > limit {
			break
		}
		if strings.Contains(content, "{{") && !strings.HasPrefix(strings.TrimSpace(content), "#") {
			last = line
		}
	}
	return last
}

// decodeDocuments adds the documents of a text to the spec. The paths of their parts begin with path.
func (d *decoder) decodeDocuments(roots []*yaml.Node, within, path string) {
	for i, root := range roots {
		at := path
		if len(roots) > 1 {
			at = indexed(path+"documents", i) + "."
		}
		d.decodeDocument(document{root, within, at})
	}
}

// decodeDocument adds a document to the spec.
func (d *decoder) decodeDocument(document document) {
	d.within = document.within
	switch kind := wrapperKind(document.root); {
	case document.root.Kind == yaml.ScalarNode:
		d.addProblem(d.position(document.root), "The document is %s, not a mapping. %s",
			kindOf(document.root), giveText)
	case kind == "List":
		d.decodeList(document)
	case kind != "":
		d.decodeHolder(document, kind)
	case isForeign(document.root):
		d.skipDocument(document)
	default:
		d.decodeOwn(document)
	}
}

// decodeOwn adds a document of Troubleshoot to the spec.
func (d *decoder) decodeOwn(document document) {
	before := d.count()
	fields, _ := d.mapping(document.root, "The document", "apiVersion", "kind", "metadata", "spec", "status")
	apiVersion, kindName := d.optionalText(fields["apiVersion"], "apiVersion"), d.optionalText(fields["kind"], "kind")
	if d.count() > before {
		return
	}
	known, isKnown := kinds[kindName]
	switch {
	case !slices.Contains(apiVersions, apiVersion):
		d.addProblem(d.positionOf(fields["apiVersion"], document.root), "The apiVersion is %q. This provider reads "+
			"v1beta1, v1beta2 and v1beta3 of Troubleshoot, for example %q. Remove other documents.",
			apiVersion, apiVersions[0])
	case slices.Contains(otherKinds, kindName):
		d.skipDocument(document)
	case !isKnown:
		names := slices.Sorted(maps.Keys(kinds))
		d.addProblem(d.positionOf(fields["kind"], document.root), "The kind is %q. This provider reads the kinds %s.%s",
			kindName, strings.Join(names, ", "), suggest.Question(kindName, names))
	default:
		for _, name := range []string{"metadata", "status"} {
			d.rejectMisplaced(fields[name], name, "this provider does not read that field")
		}
		d.decodeBody(fields["spec"], document.path, kindName, known)
	}
}

// isForeign reports whether a document belongs to another tool, for example a Deployment.
func isForeign(root *yaml.Node) bool {
	apiVersion, kindName := text(child(root, "apiVersion")), text(child(root, "kind"))
	_, ours := kinds[kindName]
	ours = ours || strings.Contains(apiVersion, troubleshootGroup)
	return apiVersion != "" && kindName != "" && !ours && !strings.Contains(apiVersion+kindName, "{{")
}

// decodeBody adds the spec field of a document to the spec.
func (d *decoder) decodeBody(body *yaml.Node, path, kindName string, known kind) {
	if d.misnamed(body, kindName, known) {
		return
	}
	names := slices.AppendSeq([]string{known.collectors, known.analyzers}, maps.Keys(known.unsupported))
	slices.Sort(names)
	fields, _ := d.mapping(body, "spec", slices.DeleteFunc(names, func(name string) bool { return name == "" })...)
	d.decodeEntries(fields[known.collectors], path+known.collectors, otherCollectors, d.decodeCollector)
	d.decodeEntries(fields[known.analyzers], path+known.analyzers, otherAnalyzers, d.decodeAnalyzer)
	for _, name := range fields.keys() {
		if why, unsupported := known.unsupported[name]; unsupported {
			d.skipField(fields[name], path+name, why)
		}
	}
}

// misnamed reports whether hostCollectors or hostAnalyzers are in a document of a kind that has another name for them.
// It adds a problem with the right name.
func (d *decoder) misnamed(body *yaml.Node, kindName string, known kind) bool {
	found := false
	for _, host := range []struct{ name, right, places string }{
		{"hostCollectors", known.collectors, collectorPlaces},
		{"hostAnalyzers", known.analyzers, analyzerPlaces},
	} {
		if key, _ := field(body, host.name); key != nil && host.right != host.name {
			d.addProblem(d.position(key), "The kind %s has no %s. Use %s.",
				kindName, host.name, cmp.Or(host.right, host.places))
			found = true
		}
	}
	return found
}
