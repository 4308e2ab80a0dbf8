// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A row of a table on the page of troubleshooting begins with the summaries that it explains.
var (
	summaryRow = regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|")
	inCode     = regexp.MustCompile("`([^`]+)`")
)

// summariesOfOthers are on the page although the provider does not give them.
var summariesOfOthers = []string{
	"Check block assertion failed", "Failed to query available provider packages", "Invalid Attribute Value",
	"Missing Configuration for Required Attribute", "Null List Value", "Resource postcondition failed",
	"Resource precondition failed", "Unsupported argument",
}

func TestEverySummaryIsOnThePageOfTroubleshooting(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(repository, "docs", "guides", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range summaryRow.FindAllStringSubmatch(string(page), -1) {
		for _, summary := range inCode.FindAllStringSubmatch(row[1], -1) {
			rows = append(rows, summary[1])
		}
	}
	if sorted := slices.Sorted(slices.Values(rows)); len(slices.Compact(sorted)) != len(rows) {
		t.Errorf("the page has a row twice: %q", sorted)
	}
	found := summariesOfSource(t)
	if len(found) < 50 {
		t.Fatalf("the test found only %d summaries: %q", len(found), found)
	}
	explained := slices.Clone(summariesOfOthers)
	for _, summary := range found {
		form := regexp.MustCompile("^" + verbs.ReplaceAllString(regexp.QuoteMeta(summary), ".+") + "$")
		matched := slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return !form.MatchString(row) })
		if len(matched) == 0 {
			t.Errorf("the page does not explain %q", summary)
		}
		explained = append(explained, matched...)
	}
	for _, row := range rows {
		if !slices.Contains(explained, row) {
			t.Errorf("the page explains %q, which the provider does not say", row)
		}
	}
}

// verbs matches the parts of a summary that differ.
var verbs = regexp.MustCompile(`%[sd]`)

// summariesOfSource returns the summaries of all errors and warnings in the source, with %s or %d for what differs.
// A summary is an argument of a function of diagnostics, the field Summary of a message, or what makes a validator or a
// contradiction. It is a literal, a constant, a text put together or a format.
func summariesOfSource(t *testing.T) []string {
	t.Helper()
	// Which argument is the summary, by the name of the function.
	position := map[string]int{
		"AddError": 0, "AddWarning": 0, "AddAttributeError": 1, "AddAttributeWarning": 1, "validate": 0, "add": 1,
	}
	found := make(map[string]bool)
	for _, name := range []string{"preflight", "provider", "tcpconnect"} {
		files := sourceFiles(t, name)
		constants := make(map[string]ast.Expr)
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
					for i, name := range spec.Names {
						constants[name.Name] = spec.Values[i]
					}
				}
				return true
			})
		}
		add := func(expression ast.Expr) {
			if text := textOf(expression, constants); strings.Trim(verbs.ReplaceAllString(text, ""), ": ") != "" {
				found[text] = true
			}
		}
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.KeyValueExpr:
					if key, ok := node.Key.(*ast.Ident); ok && key.Name == "Summary" {
						add(node.Value)
					}
				case *ast.CallExpr:
					if at, ok := position[nameOf(node.Fun)]; ok && at < len(node.Args) {
						add(node.Args[at])
					}
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func sourceFiles(t *testing.T, name string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, "internal", name, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func nameOf(function ast.Expr) string {
	switch function := function.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	default:
		return ""
	}
}

// textOf returns the text of an expression, with %s for what is not known before it runs.
func textOf(expression ast.Expr, constants map[string]ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(expression.Value)
		if err != nil {
			return "%s"
		}
		return text
	case *ast.BinaryExpr:
		return textOf(expression.X, constants) + textOf(expression.Y, constants)
	case *ast.Ident:
		if value, ok := constants[expression.Name]; ok {
			return textOf(value, constants)
		}
	case *ast.CallExpr:
		if nameOf(expression.Fun) == "Sprintf" {
			return textOf(expression.Args[0], constants)
		}
	}
	return "%s"
}
