// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestPageShowsHostileTextsAsText(t *testing.T) {
	t.Parallel()
	page := parsed(t, filled(hostile))
	if got, want := skeleton(page), skeleton(parsed(t, filled("harmless"))); !slices.Equal(got, want) {
		t.Errorf("a hostile text changes the elements of the page:\n%q\nwant\n%q", got, want)
	}
	for node := range page.Descendants() {
		for _, attr := range node.Attr {
			if attr.Key == "href" && attr.Val != "data:," && !strings.HasPrefix(attr.Val, "https://a.example/") {
				t.Errorf("a link to %q", attr.Val)
			}
		}
	}
	// Of 12 rows, all have title, group, collector name, node, address and message; 10 have a result with vantage
	// point, status, reason and message; 2 were skipped; 6 have it in the URI; and there is the version.
	if got := strings.Count(visible(page), shown(hostile)); got != 12*6+10*4+2+6+1 {
		t.Errorf("the hostile text is shown %d times", got)
	}
}

func TestPageLoadsNothing(t *testing.T) {
	t.Parallel()
	for node := range parsed(t, sample(40)).Descendants() {
		if slices.Contains([]string{"script", "img", "iframe", "object", "embed", "base", "form"}, node.Data) {
			t.Errorf("the page has a %s", node.Data)
		}
		for _, attr := range node.Attr {
			loads := node.Data == "link" && attr.Key == "href" && attr.Val != "data:,"
			loads = loads || slices.Contains([]string{"src", "srcset", "style"}, attr.Key)
			if loads || strings.HasPrefix(attr.Key, "on") {
				t.Errorf("<%s %s=%q>", node.Data, attr.Key, attr.Val)
			}
		}
	}
	if strings.Contains(pageText, "url(") || strings.Contains(pageText, "@import") {
		t.Error("the style sheet of the page loads something")
	}
}

func TestPageLinksOnlyToTheWeb(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]bool{
		"https://wiki.example.com/a?b=c#d": true,
		"http://wiki":                      true,
		"HTTPS://WIKI":                     true,
		"javascript:alert(1)":              false,
		"data:text/html,x":                 false,
		"//wiki.example.com":               false,
		"https:wiki":                       false,
		"wiki.example.com":                 false,
		"\u00a0https://wiki":               false,
	} {
		report := Report{Groups: []Group{{"g", []Row{{Finding: tcpconnect.Finding{Title: "t", URI: uri}}}}}}
		page := parsed(t, report)
		if got := len(elements(page, "a")) == 1; got != want {
			t.Errorf("%q is a link: %t", uri, got)
		}
		if !strings.Contains(visible(page), "More: "+shown(uri)) {
			t.Errorf("the page does not show %q", uri)
		}
	}
}

func TestPageSaysWhatAReaderNeeds(t *testing.T) {
	t.Parallel()
	page := parsed(t, sample(20))
	for node, want := range map[string]string{
		"title":   "Fail: 1 of 18 judged checks failed. Preflight report",
		"h1":      "× Fail",
		"dl":      "Fail 1 Warn 2 Not judged 1 Pass 15 Skipped 1",
		"thead":   "Check Address From Status, reason Time What to do",
		"summary": "Passed (15)",
	} {
		if got := visible(elements(page, node)[0]); got != want {
			t.Errorf("%s: %q, want %q", node, got, want)
		}
	}
	want := "× Fail: Orders database group Endpoints collector service-1 " +
		"service-1.internal.example.com:5432 this machine connection-timeout no-response 10.0 s 4 attempts " +
		"The orders database cannot be reached. Ask the network team to open port 5432. " +
		"System: dial tcp 10.20.30.40:5432: i/o timeout " + tcpconnect.ReasonNoResponse.Advice() + " " +
		"More: https://wiki.example.com/network/firewall-requests#database"
	rows := elements(elements(page, "tbody")[0], "tr")
	if got := visible(rows[0]); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
	facts := visible(elements(page, "dl")[1])
	if facts != "Run began 2026-03-04 05:06:07 UTC Report made 2026-03-04 05:07:39 UTC "+
		"Covers 20 checks and analyses Provider version 1.4.0" {
		t.Errorf("%q", facts)
	}
	for _, th := range elements(page, "th") {
		if attribute(th, "scope") == "" {
			t.Errorf("the header %q has no scope", visible(th))
		}
	}
	if attribute(elements(page, "html")[0], "lang") != "en" {
		t.Error("the page does not say its language")
	}
}

func TestPageNamesVantagePointsAndGroupsOnlyIfThereAreSeveral(t *testing.T) {
	t.Parallel()
	here, there := sampleRow(0), sampleRow(3)
	text := visible(parsed(t, Report{Groups: []Group{{"Endpoints", []Row{here, there}}, {Title: "Spec"}}}))
	if strings.Contains(text, "From") || strings.Contains(text, "machine") || strings.Contains(text, "Endpoints") {
		t.Errorf("%q", text)
	}
	there.Result.Via = "bastion"
	text = visible(parsed(t, Report{Groups: []Group{{"Endpoints", []Row{here}}, {"Spec", []Row{there}}}}))
	for _, want := range []string{"From", "this machine", "bastion", "group Endpoints", "group Spec"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

func TestPageGivesNoAdviceForAPass(t *testing.T) {
	t.Parallel()
	row := sampleRow(2) // refused
	row.Verdict, row.Message = tcpconnect.Pass, "The port is closed."
	text := visible(parsed(t, Report{Groups: []Group{{"g", []Row{row}}}}))
	if strings.Contains(text, row.Result.Reason.Advice()) || !strings.Contains(text, "The port is closed.") {
		t.Errorf("%q", text)
	}
}

func TestBarsOfThePageAreRelativeToTheLongestTime(t *testing.T) {
	t.Parallel()
	var rows []Row
	for _, took := range []time.Duration{4 * time.Second, time.Second, time.Millisecond, 0} {
		row := sampleRow(0)
		row.Result.Duration = took
		rows = append(rows, row)
	}
	var widths []string
	for _, bar := range elements(parsed(t, Report{Groups: []Group{{"g", rows}}}), "rect") {
		widths = append(widths, attribute(bar, "width"))
	}
	if want := []string{"100%", "25%", "1%"}; !slices.Equal(widths, want) {
		t.Errorf("%q, want %q", widths, want)
	}
}

func TestPageFoldsOnlyWhatNeedsNoAttention(t *testing.T) {
	t.Parallel()
	for checks, open := range map[int]bool{20: true, 2000: false} {
		page := parsed(t, sample(checks))
		for _, details := range elements(page, "details") {
			text := visible(elements(details, "summary")[0])
			isOpen := slices.ContainsFunc(details.Attr, func(attr html.Attribute) bool { return attr.Key == "open" })
			if !strings.HasPrefix(text, "Passed") && !strings.HasPrefix(text, "Skipped") ||
				strings.HasPrefix(text, "Passed") && isOpen != open {
				t.Errorf("%d checks: %q is open: %t", checks, text, isOpen)
			}
		}
		if rows := len(elements(page, "tr")) - len(elements(page, "thead")); rows != checks {
			t.Errorf("%d rows of %d", rows, checks)
		}
	}
}

// TestColoursOfThePageHaveContrast computes the contrast of WCAG 2.2, which asks for 4.5 in level AA.
func TestColoursOfThePageHaveContrast(t *testing.T) {
	t.Parallel()
	schemes := regexp.MustCompile(`:root \{[^}]*\}`).FindAllString(pageText, -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes", len(schemes))
	}
	for _, scheme := range schemes {
		colours := make(map[string]float64)
		for _, match := range regexp.MustCompile(`--(\w+): #(\w{6});`).FindAllStringSubmatch(scheme, -1) {
			colours[match[1]] = luminance(t, match[2])
		}
		for _, ground := range []string{"ground", "card"} {
			for _, text := range []string{"text", "muted", "link", "fail", "warn", "pass", "none", "skip"} {
				light, dark := colours[text], colours[ground]
				if light < dark {
					light, dark = dark, light
				}
				if contrast := (light + 0.05) / (dark + 0.05); contrast < 4.5 {
					t.Errorf("%s on %s: %.2f", text, ground, contrast)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		channel := float64(value) / 255
		if channel <= 0.04045 {
			sum += weight * channel / 12.92
		} else {
			sum += weight * math.Pow((channel+0.055)/1.055, 2.4)
		}
	}
	return sum
}

func parsed(t *testing.T, report Report) *html.Node {
	t.Helper()
	content, err := report.Render(HTML)
	if err != nil {
		t.Fatal(err)
	}
	page, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func elements(node *html.Node, name string) []*html.Node {
	var found []*html.Node
	for descendant := range node.Descendants() {
		if descendant.Type == html.ElementNode && descendant.Data == name {
			found = append(found, descendant)
		}
	}
	return found
}

func attribute(node *html.Node, key string) string {
	for _, attr := range node.Attr {
		if attr.Key == key {
			return attr.Val
		}
	}
	return ""
}

// visible returns the text of a node with single spaces. A space stands for the border of two elements.
func visible(node *html.Node) string {
	var text strings.Builder
	for descendant := range node.Descendants() {
		switch {
		case descendant.Type == html.TextNode && descendant.Parent.Data != "style":
			text.WriteString(descendant.Data)
		case descendant.Type == html.ElementNode && descendant.Data != "wbr":
			text.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// skeleton lists the elements of a page with the names of their attributes, without the places where a line may end.
func skeleton(page *html.Node) []string {
	var names []string
	for node := range page.Descendants() {
		if node.Type == html.TextNode || node.Data == "wbr" {
			continue
		}
		name := cmp.Or(node.Data, "?")
		for _, attr := range node.Attr {
			name += " " + attr.Key
		}
		names = append(names, name)
	}
	return names
}
