// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// recipes are the directories below examples/ that hold shell, and files of CI systems, but no configuration. The tests
// of this file run the shell beside the configuration of another example.
var recipes = []string{"ci-atlantis", "ci-github", "ci-gitlab", "ci-slack", "provider-log"}

// runner is a workspace in which shell is run as a CI system does.
type runner struct {
	*workspace
	env []string
}

// newRunner skips the test if a tool is missing. variables are those of Terraform.
func newRunner(t *testing.T, files map[string]string, variables []string, tools ...string) *runner {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	path := t.TempDir() // in which Terraform or OpenTofu is called terraform
	if err := os.Symlink(cli.Path, filepath.Join(path, "terraform")); err != nil {
		t.Fatal(err)
	}
	r := &runner{workspace: newWorkspace(t, files)}
	r.env = slices.Concat(r.command().Env, []string{"PATH=" + path + ":" + os.Getenv("PATH")})
	for _, variable := range variables {
		r.env = append(r.env, "TF_VAR_"+strings.TrimPrefix(variable, "-var="))
	}
	return r
}

func (r *runner) setenv(variables map[string]string) {
	for name, value := range variables {
		r.env = append(r.env, name+"="+value)
	}
}

// shell runs a script and returns what it printed, and whether it succeeded.
func (r *runner) shell(script string, shell ...string) (output string, ok bool) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "script.sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		r.t.Fatal(err)
	}
	command := exec.CommandContext(r.t.Context(), shell[0], append(shell[1:], file)...)
	command.Dir, command.Env = r.dir, r.env
	printed, err := command.CombinedOutput()
	r.t.Logf("%s\n%s%v", script, printed, err)
	return string(printed), err == nil
}

// expectApplied expects that what waits for the gate exists, or that nothing does.
func (r *runner) expectApplied(want bool) {
	r.t.Helper()
	if resources := r.resources(); slices.Equal(resources, []string{protected}) != want {
		r.t.Errorf("the state holds %q, want %s in it: %t", resources, protected, want)
	}
}

// readRecipe decodes a YAML file of an example.
func readRecipe[T any](t *testing.T, name string) (decoded T) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, "examples", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &decoded); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return decoded
}

type githubWorkflow struct {
	Env  map[string]string
	Jobs map[string]struct {
		Env   map[string]string
		Steps []githubStep
	}
}

type githubStep struct {
	If, Uses, Run, Shell string
	With                 map[string]any
}

func TestGitHubRecipeAnnotatesAndSummarizes(t *testing.T) {
	t.Parallel()
	config := examples["endpoints-warn"]
	requireTerraform(t, config.needs)
	job := readRecipe[githubWorkflow](t, "ci-github/plan.yml").Jobs["plan"]
	for _, up := range []bool{true, false} {
		files := config.files(t, "endpoints-warn")
		files["ci/annotations.jq"] = example{}.files(t, "ci-github")["annotations.jq"]
		r := newRunner(t, files, config.variables(t, up), "bash", "jq")
		summary := r.path("summary.md")
		r.setenv(job.Env)
		r.setenv(map[string]string{"GITHUB_STEP_SUMMARY": summary})
		output, ok := r.githubSteps(job.Steps)
		if ok != up {
			t.Errorf("with the database up: %t, the job succeeds: %t", up, ok)
		}
		expectText(t, output, "::warning file=main.tf,line=",
			"title=Preflight Endpoints%3A 1 of 2 Checks Warn%3A cache::cache: Slow%0A  Address: ")
		failure := "title=Resource precondition failed::database: connection-refused%0A"
		if strings.Contains(output, "::error file=main.tf,line=") == up || strings.Contains(output, failure) == up {
			t.Errorf("with the database up: %t, the annotations are\n%s", up, output)
		}
		if !up { // the log is for people
			expectText(t, output, "\nError: Resource precondition failed\ndatabase: connection-refused\n")
		}
		content, err := os.ReadFile(summary)
		if err != nil || !strings.Contains(string(content), "## Preflight: ") {
			t.Errorf("the summary of the job is %q, %v", content, err)
		}
		if _, err := os.Stat(r.path("support-bundle/" + bundle.ReportHTML)); err != nil {
			t.Error(err)
		}
	}
}

// The endpoint goes down between the jobs: the saved plan is not applied, and the summary of the second job says why.
func TestGitHubRecipeGatesBothJobs(t *testing.T) {
	t.Parallel()
	const name = "ephemeral-resources/preflight_endpoints"
	config := examples[name]
	requireTerraform(t, config.needs)
	workflow := readRecipe[githubWorkflow](t, "ci-github/apply.yml")
	stays, goes := loopback.Open(t), loopback.Listen(t, loopback.IPv4)
	summary := filepath.Join(t.TempDir(), "summary.md")
	run := func(job string, files map[string]string) (*runner, bool) {
		r := newRunner(t, files, endpointsOf(stays, goes.AddrPort()), "bash")
		r.setenv(workflow.Env)
		r.setenv(map[string]string{"GITHUB_STEP_SUMMARY": summary})
		_, ok := r.githubSteps(workflow.Jobs[job].Steps)
		return r, ok
	}

	planner, ok := run("plan", config.files(t, name))
	if !ok {
		t.Fatal("the plan failed")
	}
	plan, err := os.ReadFile(planner.path("saved.tfplan"))
	if err != nil {
		t.Fatal(err)
	}
	files := config.files(t, name) // the job that applies has a directory of its own, and the artifact
	files["saved.tfplan"] = string(plan)
	if err := goes.Close(); err != nil {
		t.Fatal(err)
	}
	closed, ok := run("apply", files)
	if ok {
		t.Error("the apply succeeded without the endpoint")
	}
	closed.expectApplied(false)
	content, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	expectText(t, string(content), "✓ Pass", "× Fail") // of the plan, of the apply
	loopback.ListenAt(t, goes.AddrPort())
	opened, ok := run("apply", files)
	if !ok {
		t.Error("the apply failed")
	}
	opened.expectApplied(true)
}

// githubSteps runs steps with the shells of the runner of GitHub Actions.
func (r *runner) githubSteps(steps []githubStep) (output string, ok bool) {
	r.t.Helper()
	ok = true
	for _, step := range steps {
		switch {
		case step.If != "" && step.If != "always()":
			r.t.Fatalf("the test does not know the condition %q", step.If)
		case step.Uses != "", !ok && step.If == "":
			continue
		}
		shell := []string{"bash", "-e"}
		if step.Shell == "bash" {
			shell = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}
		}
		printed, succeeded := r.shell(step.Run, shell...)
		output, ok = output+printed, ok && succeeded
	}
	return output, ok
}

type gitlabPipeline struct {
	Stages  []string
	Default struct {
		BeforeScript []string `yaml:"before_script"`
	}
	Variables   map[string]string
	Plan, Apply gitlabJob
}

type gitlabJob struct {
	Stage     string
	Script    []string
	Artifacts struct {
		When    string
		Paths   []string
		Reports struct{ JUnit string }
	}
}

// The endpoint goes down between plan and apply: the saved plan is not applied.
func TestGitLabRecipeGatesBothStages(t *testing.T) {
	t.Parallel()
	const name = "ephemeral-resources/preflight_endpoints"
	config := examples[name]
	requireTerraform(t, config.needs)
	pipeline := readRecipe[gitlabPipeline](t, "ci-gitlab/gitlab-ci.yml")
	stays, goes := loopback.Open(t), loopback.Listen(t, loopback.IPv4)
	variable := endpointsOf(stays, goes.AddrPort())

	planner := newRunner(t, config.files(t, name), variable)
	if !planner.gitlabJob(pipeline, pipeline.Plan) {
		t.Fatal("the plan failed")
	}
	files := config.files(t, name) // the job that applies has a directory of its own, and the artifacts
	for _, artifact := range pipeline.Plan.Artifacts.Paths {
		content, err := os.ReadFile(planner.path(artifact))
		if err != nil {
			t.Fatal(err)
		}
		files[artifact] = string(content)
	}
	closed := newRunner(t, files, variable)
	if err := goes.Close(); err != nil {
		t.Fatal(err)
	}
	if closed.gitlabJob(pipeline, pipeline.Apply) {
		t.Error("the apply succeeded without the endpoint")
	}
	closed.expectApplied(false)
	loopback.ListenAt(t, goes.AddrPort())
	opened := newRunner(t, files, variable)
	if !opened.gitlabJob(pipeline, pipeline.Apply) {
		t.Error("the apply failed")
	}
	opened.expectApplied(true)
}

func endpointsOf(a, b netip.AddrPort) []string {
	return []string{`-var=endpoints={ a = "` + a.String() + `", b = "` + b.String() + `" }`}
}

// gitlabJob runs a job and expects its report, whose failures say how the job ended.
func (r *runner) gitlabJob(pipeline gitlabPipeline, job gitlabJob) (ok bool) {
	r.t.Helper()
	if !slices.Contains(pipeline.Stages, job.Stage) || job.Artifacts.When != "always" {
		r.t.Errorf("the stage is %q, and artifacts are kept %q", job.Stage, job.Artifacts.When)
	}
	r.setenv(pipeline.Variables)
	_, ok = r.shell(strings.Join(slices.Concat(pipeline.Default.BeforeScript, job.Script), "\n"), "sh", "-e")
	content, err := os.ReadFile(r.path(job.Artifacts.Reports.JUnit))
	if err != nil || strings.Contains(string(content), "<failure") == ok {
		r.t.Errorf("the job succeeded: %t, its report is %v\n%s", ok, err, content)
	}
	for _, artifact := range job.Artifacts.Paths {
		if _, err := os.Stat(r.path(artifact)); err != nil {
			r.t.Error(err)
		}
	}
	return ok
}

type atlantisConfig struct {
	Projects []struct {
		Dir, Workflow string
	}
	Workflows map[string]struct{ Plan, Apply struct{ Steps []any } }
}

func TestAtlantisRecipeGatesBothStages(t *testing.T) {
	t.Parallel()
	const name = "ephemeral-resources/preflight_endpoints"
	config := examples[name]
	requireTerraform(t, config.needs)
	atlantis := readRecipe[atlantisConfig](t, "ci-atlantis/atlantis.yaml")
	workflow, exists := atlantis.Workflows[atlantis.Projects[0].Workflow]
	if !exists {
		t.Fatalf("there is no workflow %q", atlantis.Projects[0].Workflow)
	}
	goes := loopback.Listen(t, loopback.IPv4)
	r := newRunner(t, config.files(t, name), endpointsOf(loopback.Open(t), goes.AddrPort()))
	home := t.TempDir()
	r.setenv(map[string]string{
		"HOME": home, "BASE_REPO_NAME": "infra", "PULL_NUM": "7", "PLANFILE": r.path("default.tfplan"),
	})
	if !r.atlantisSteps(workflow.Plan.Steps) {
		t.Fatal("the plan failed")
	}
	if err := goes.Close(); err != nil {
		t.Fatal(err)
	}
	if r.atlantisSteps(workflow.Apply.Steps) {
		t.Error("the apply succeeded without the endpoint")
	}
	r.expectApplied(false)
	for stage, verdict := range map[string]string{"plan": "Pass", "apply": "Fail"} {
		report := filepath.Join(home, "preflight", "infra", "7", stage, bundle.ReportHTML)
		content, err := os.ReadFile(report)
		if err != nil || !strings.Contains(string(content), verdict) {
			t.Errorf("%s does not say %s, %v", report, verdict, err)
		}
	}
}

// atlantisSteps runs steps with the built-in commands of Atlantis.
func (r *runner) atlantisSteps(steps []any) (ok bool) {
	r.t.Helper()
	builtIn := map[string]string{
		"init":  "terraform init -input=false",
		"plan":  `terraform plan -input=false -refresh -out "$PLANFILE"`,
		"apply": `terraform apply -input=false "$PLANFILE"`,
	}
	for _, step := range steps {
		if name, isBuiltIn := step.(string); isBuiltIn {
			if _, ok := r.shell(builtIn[name], "sh"); !ok {
				return false
			}
			continue
		}
		variable := step.(map[string]any)["env"].(map[string]any)
		value, isFixed := variable["value"].(string)
		if !isFixed {
			output, ok := r.shell(variable["command"].(string), "sh")
			if !ok {
				return false
			}
			value = strings.TrimSpace(output)
		}
		r.setenv(map[string]string{variable["name"].(string): value})
	}
	return true
}

func TestSlackRecipeSendsWhatTerraformSays(t *testing.T) {
	t.Parallel()
	config := examples["endpoints-warn"]
	requireTerraform(t, config.needs)
	files := maps.Clone(config.files(t, "endpoints-warn"))
	variable := `-var=endpoints={ database = { address = "` + endpoint(t, false) +
		"\", message = \"Ask <#db> & `wait`\" } }"
	r := newRunner(t, files, []string{variable}, "jq", "curl")
	var received []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/revoked" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		received, _ = io.ReadAll(req.Body)
	}))
	defer server.Close()
	r.setenv(map[string]string{"SLACK_WEBHOOK_URL": server.URL, "no_proxy": "127.0.0.1"})
	if _, ok := r.shell("terraform plan -input=false -json > plan.jsonl", "sh"); ok {
		t.Fatal("the plan succeeded")
	}
	script := example{}.files(t, "ci-slack")["slack.sh"]
	if output, ok := r.shell(script, "sh"); !ok {
		t.Fatal(output)
	}
	var message struct{ Text string }
	if err := json.Unmarshal(received, &message); err != nil {
		t.Fatalf("%q: %v", received, err)
	}
	expectText(t, message.Text, "*terraform plan failed*\n```\nResource precondition failed\n",
		"database: Ask &lt;#db&gt; &amp; 'wait'\n", "reason: refused")

	r.setenv(map[string]string{"SLACK_WEBHOOK_URL": server.URL + "/revoked"})
	if _, ok := r.shell(script, "sh"); ok {
		t.Error("the script succeeded although Slack has revoked the webhook")
	}
}

func TestLogOfTheProviderIsAFile(t *testing.T) {
	t.Parallel()
	const name = "data-sources/preflight_tcp_connect"
	config := examples[name]
	requireTerraform(t, config.needs)
	r := newRunner(t, config.files(t, name), config.variables(t, true))
	if output, ok := r.shell(example{}.files(t, "provider-log")["log.sh"], "sh"); !ok {
		t.Fatal(output)
	}
	log, err := os.ReadFile(r.path("preflight.log"))
	if err != nil || !strings.Contains(string(log), "dialled kubernetes-api-tcp-conn-status at 127.") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestDetailedExitCodes(t *testing.T) {
	t.Parallel()
	const name = "data-sources/preflight_endpoints"
	config := examples[name]
	requireTerraform(t, config.needs)
	w := newWorkspace(t, config.files(t, name))
	up, down := config.variables(t, true), config.variables(t, false)
	expectExit := func(want int, variables []string) {
		t.Helper()
		if output, got := w.run(append([]string{"plan", "-detailed-exitcode"}, variables...)...); got != want {
			t.Errorf("the exit code is %d, want %d:\n%s", got, want, output)
		}
	}
	expectExit(1, down)
	expectExit(2, up)
	w.succeed(applyWith(up)...)
	expectExit(0, up)
}
