// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command demo runs Terraform against a real listener. It shows a plan that succeeds while the listener runs and fails
// after it has stopped, and a saved plan that fails when it is applied. It fails if anything else happens. Run it with
// `make demo`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/dev/mirror"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/terraform"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const (
	collectorName = "kubernetes-api-tcp-conn-status"
	closedMessage = "Connection to the Kubernetes API address was refused"
	failedCheck   = "Preflight Check Failed: Kubernetes API TCP Connection Status"
)

func main() {
	log.SetFlags(0)
	path := flag.String("terraform", "terraform", "the `path` of Terraform or OpenTofu")
	flag.Parse()
	if err := run(*path); err != nil {
		log.Fatalf("\nThe demo failed: %s", err)
	}
	fmt.Println("\nThe demo succeeded: the checks passed while the listener ran, and failed after it had stopped.")
}

func run(path string) (err error) {
	cli, err := terraform.At(path)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "preflight-demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	title("Build the provider")
	cliConfig, err := mirror.BuildWithConfig(dir)
	if err != nil {
		return err
	}
	precondition := workspace{terraform: path, dir: filepath.Join(dir, "precondition"), cliConfig: cliConfig}
	if err := precondition.start("examples/precondition"); err != nil {
		return err
	}
	if err := precondition.planTwice(); err != nil {
		return err
	}

	if !cli.Has("1.10.0") {
		fmt.Printf("\n%s does not support ephemeral resources, so the demo applies no saved plan.\n", cli)
		return nil
	}
	saved := workspace{terraform: path, dir: filepath.Join(dir, "saved-plan"), cliConfig: cliConfig}
	if err := saved.start("examples/ephemeral-resources/preflight_tcp_connect"); err != nil {
		return err
	}
	return saved.applySavedPlan()
}

// workspace is a directory in which Terraform runs.
type workspace struct {
	terraform, dir, cliConfig string
}

// start copies the directory of a configuration and initializes it.
func (w workspace) start(configuration string) error {
	if err := os.CopyFS(w.dir, os.DirFS(configuration)); err != nil {
		return err
	}
	fmt.Printf("\nConfiguration: %s\n", configuration)
	if output, err := w.run("init"); err != nil {
		return fmt.Errorf("terraform init: %w\n%s", err, output)
	}
	return nil
}

// planTwice plans while a listener runs, and again after it has stopped.
func (w workspace) planTwice() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // It is closed below. This is for the error paths.
	plan := []string{"plan", "-no-color", "-input=false", "-var=address=" + listener.Addr().String()}

	title(fmt.Sprintf("Plan while %s accepts connections", listener.Addr()))
	if _, err := w.show(plan...); err != nil {
		return fmt.Errorf("the plan should have succeeded: %w", err)
	}
	if err := w.showResult(collectorName, tcpconnect.Connected); err != nil {
		return err
	}

	if err := listener.Close(); err != nil {
		return err
	}
	title(fmt.Sprintf("Plan after the listener at %s has stopped", listener.Addr()))
	if err := w.showFailure(closedMessage, plan...); err != nil {
		return err
	}
	return w.showResult(collectorName, tcpconnect.ConnectionRefused)
}

// applySavedPlan saves a plan while a listener runs, and applies it after the listener has stopped.
func (w workspace) applySavedPlan() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // It is closed below. This is for the error paths.

	title(fmt.Sprintf("Save a plan while %s accepts connections", listener.Addr()))
	plan := []string{"plan", "-no-color", "-input=false", "-out=plan", "-var=address=" + listener.Addr().String()}
	if _, err := w.show(plan...); err != nil {
		return fmt.Errorf("the plan should have succeeded: %w", err)
	}
	if err := listener.Close(); err != nil {
		return err
	}
	title(fmt.Sprintf("Apply the saved plan after the listener at %s has stopped", listener.Addr()))
	if err := w.showFailure(failedCheck, "apply", "-no-color", "plan"); err != nil {
		return err
	}
	return w.showResult("connect", tcpconnect.ConnectionRefused)
}

// showResult prints the collector's result file and checks its status.
func (w workspace) showResult(collectorName string, want tcpconnect.Status) error {
	file := bundle.ResultFile(filepath.Join(w.dir, "support-bundle"), collectorName)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe result in %s is: %s\n", bundle.ResultFile("support-bundle", collectorName), content)
	if string(content) != string(want) {
		return fmt.Errorf("the result should be %q", want)
	}
	return nil
}

// run runs Terraform and returns its output.
func (w workspace) run(arguments ...string) (output string, err error) {
	command := exec.Command(w.terraform, arguments...)
	command.Dir = w.dir
	command.Env = terraform.Environment(w.cliConfig)
	content, err := command.CombinedOutput()
	return string(content), err
}

// show runs Terraform and prints the command and its output.
func (w workspace) show(arguments ...string) (output string, err error) {
	fmt.Printf("\n$ %s %s\n", filepath.Base(w.terraform), strings.Join(arguments, " "))
	output, err = w.run(arguments...)
	fmt.Print(output)
	return output, err
}

// showFailure is like show, and checks that Terraform fails with a message.
func (w workspace) showFailure(message string, arguments ...string) error {
	output, err := w.show(arguments...)
	if err == nil {
		return fmt.Errorf("the %s should have failed, because nothing listens at the address", arguments[0])
	}
	if !strings.Contains(output, message) {
		return fmt.Errorf("the %s failed, but without the message %q", arguments[0], message)
	}
	return nil
}

func title(text string) {
	fmt.Printf("\n==> %s\n", text)
}
