// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Where the registry and GitHub serve the pages.
const (
	registryDocs = "https://registry.terraform.io/providers/terraform-preflight/preflight/latest/docs"
	gitHub       = "https://github.com/terraform-preflight/terraform-provider-preflight"
	gitHubRaw    = "https://raw.githubusercontent.com/terraform-preflight/terraform-provider-preflight/main"
)

var (
	fencedCode = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inlineCode = regexp.MustCompile("`[^`\n]+`")
	heading    = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	htmlAnchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	// mdLink matches an inline link or image, a reference, an autolink, and the attributes of HTML.
	mdLink = regexp.MustCompile(`(!?)\[[^][]*(?:\[[^][]*\][^][]*)*\]\(<?([^)\s>]+)[^)]*\)` +
		`|(?m:^ *\[[^]]+\]: +(\S+))|<(https?:[^>\s]+)>|(?:href|src|srcset)="([^"]+)"`)
	gitHubCallout   = regexp.MustCompile(`(?m)^> ?\[!\w+\]`)
	registryCallout = regexp.MustCompile(`(?m)^[-~!]> `)
)

// documentation returns the slash-separated paths of the pages that users read, below the root of the repository.
func documentation(t *testing.T) (pages []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		matches, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range matches {
			page, _ := filepath.Rel(repository, match)
			pages = append(pages, filepath.ToSlash(page))
		}
	}
	return pages
}

func TestEveryLinkOfTheDocumentationLeadsSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range documentation(t) {
		for _, link := range linksOf(prose(t, page)) {
			links++
			if err := checkLink(t, page, link); err != nil {
				t.Errorf("%s: the link %s: %v", page, link.target, err)
			}
		}
	}
	if links < 100 {
		t.Errorf("found %d links", links)
	}
}

// The registry renders "->", "~>" and "!>", GitHub renders "> [!NOTE]", and neither the other's.
func TestCalloutsAreThoseOfWhereThePageIsRead(t *testing.T) {
	t.Parallel()
	for _, page := range documentation(t) {
		foreign := registryCallout
		if onRegistry(page) {
			foreign = gitHubCallout
		}
		if found := foreign.FindString(prose(t, page)); found != "" {
			t.Errorf("%s has a callout that is not rendered there: %s", page, found)
		}
	}
}

type link struct {
	target  string
	isImage bool
}

func linksOf(text string) (links []link) {
	for _, match := range mdLink.FindAllStringSubmatch(text, -1) {
		isImage := match[1] == "!" || strings.HasPrefix(match[0], "src")
		links = append(links, link{strings.Join(match[2:], ""), isImage})
	}
	return links
}

func onRegistry(page string) bool { return strings.HasPrefix(page, "docs/") }

// checkLink reports what is wrong with a link, on GitHub or on the registry. It can't know pages of others.
func checkLink(t *testing.T, page string, link link) error {
	t.Helper()
	target, err := url.Parse(link.target)
	if err != nil {
		return err
	}
	absolute, fragment := strings.TrimSuffix(link.target, "#"+target.Fragment), target.Fragment
	if rest, isRegistry := strings.CutPrefix(absolute, registryDocs); isRegistry {
		if path.Ext(rest) != "" || strings.HasSuffix(rest, "/") {
			return fmt.Errorf("the addresses of the registry end without .md and without a slash")
		}
		if rest == "" {
			rest = "/index"
		}
		return checkFile(t, "docs"+rest+".md", fragment)
	}
	if rest, isRaw := strings.CutPrefix(absolute, gitHubRaw+"/"); isRaw {
		return checkFile(t, rest, fragment)
	}
	if rest, isGitHub := strings.CutPrefix(absolute, gitHub); isGitHub {
		for _, kind := range []string{"/blob/main/", "/tree/main/", "/raw/main/"} {
			if file, isFile := strings.CutPrefix(rest, kind); isFile {
				return checkFile(t, file, fragment)
			}
		}
		return nil // an issue, a release, an advisory
	}
	switch {
	case target.Scheme == "https" || target.Scheme == "mailto":
		return nil
	case target.IsAbs() || target.Host != "":
		return fmt.Errorf("want https")
	case strings.HasPrefix(link.target, "/"):
		return fmt.Errorf("the registry and GitHub start it at the root of their own site")
	case target.Path == "":
		return checkFile(t, page, fragment)
	}
	file := path.Join(path.Dir(page), target.Path)
	if onRegistry(page) {
		switch {
		case page == "docs/index.md":
			return fmt.Errorf("a relative link ends in 404, because the registry serves this page without "+
				"a trailing slash: use %s/...", registryDocs)
		case link.isImage:
			return fmt.Errorf("the registry does not serve images: use %s/...", gitHubRaw)
		case !onRegistry(file):
			return fmt.Errorf("the registry serves nothing outside docs/: use %s/blob/main/...", gitHub)
		case file == "docs/index.md":
			return fmt.Errorf("the registry serves the overview as %s", registryDocs)
		case path.Ext(file) != ".md":
			return fmt.Errorf("the registry removes .md, and GitHub needs it")
		}
	}
	return checkFile(t, file, fragment)
}

// checkFile reports whether a file or directory exists below the root of the repository, and the anchor in it.
func checkFile(t *testing.T, file, fragment string) error {
	t.Helper()
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return fmt.Errorf("it leads out of the repository")
	}
	if _, err := os.Stat(filepath.Join(repository, filepath.FromSlash(file))); err != nil {
		return fmt.Errorf("%s does not exist", file)
	}
	if fragment == "" {
		return nil
	}
	if path.Ext(file) != ".md" {
		return fmt.Errorf("%s is not a page with anchors", file)
	}
	if anchors := anchorsOf(t, file); !slices.Contains(anchors, fragment) {
		return fmt.Errorf("%s has no such anchor, but %q", file, anchors)
	}
	return nil
}

// prose returns a page without its code.
func prose(t *testing.T, page string) string {
	t.Helper()
	return inlineCode.ReplaceAllString(fencedCode.ReplaceAllString(readPage(t, page), ""), "")
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(content), "\r\n", "\n")
}

// anchorsOf returns the anchors of a page: those of its headings, as GitHub makes them, and those in HTML.
func anchorsOf(t *testing.T, page string) (anchors []string) {
	t.Helper()
	text := fencedCode.ReplaceAllString(readPage(t, page), "")
	seen := make(map[string]int)
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(match[1]))
		count := seen[slug]
		seen[slug]++
		if count > 0 {
			slug = fmt.Sprintf("%s-%d", slug, count)
		}
		anchors = append(anchors, slug)
	}
	for _, match := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, match[1])
	}
	return anchors
}

func TestCheckLinkFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ page, markdown, wants string }{
		{"README.md", "[a](docs/index.md#example-usage) [b](examples) [c](https://troubleshoot.sh)", ""},
		{"README.md", "[`code`](docs/no-such-page.md)", "does not exist"},
		{"README.md", "[a](docs/index.md#no-such-anchor)", "no such anchor"},
		{"README.md", "[a](../elsewhere.md)", "out of the repository"},
		{"README.md", "[a]\n\n[a]: http://troubleshoot.sh", "want https"},
		{"docs/index.md", "[a](#example-usage) [b](" + registryDocs + "/data-sources/endpoints#schema)", ""},
		{"docs/index.md", "[a](guides/reports.md)", "without a trailing slash"},
		{"docs/index.md", "[a](" + registryDocs + "/guides/reports.md)", "without .md"},
		{"docs/index.md", "[a](" + registryDocs + "/guides/no-such-guide)", "does not exist"},
		{"docs/guides/reports.md", "[a](many-endpoints.md#progress) [b](../data-sources/spec.md)", ""},
		{"docs/guides/reports.md", "[a](many-endpoints)", "GitHub needs it"},
		{"docs/guides/reports.md", "[a](../../DESIGN.md)", "nothing outside docs/"},
		{"docs/guides/reports.md", "[a](/docs/guides/reports.md)", "the root of their own site"},
		{"docs/guides/reports.md", "[a](../index.md)", "the overview"},
		{"docs/guides/reports.md", "![a](phases.svg)", "does not serve images"},
		{"docs/guides/reports.md", "[a](" + gitHub + "/blob/main/no-such-file.md)", "does not exist"},
	} {
		var errs []string
		for _, link := range linksOf(c.markdown) {
			if err := checkLink(t, c.page, link); err != nil {
				errs = append(errs, err.Error())
			}
		}
		if found := strings.Join(errs, "\n"); (found == "") != (c.wants == "") || !strings.Contains(found, c.wants) {
			t.Errorf("%s: %s: found %q, want %q", c.page, c.markdown, found, c.wants)
		}
	}
}
