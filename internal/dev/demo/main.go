// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command demo shows a gate that lets a plan through and then stops it, and a saved plan that is stopped when it is applied, with the
// real Terraform and a real listener. It fails if any of it does not happen. Run it by `make demo`.
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
	path := flag.String("terraform", "terraform", "Terraform or OpenTofu to run")
	flag.Parse()
	if err := run(*path); err != nil {
		log.Fatalf("\nThe demo failed: %s", err)
	}
	fmt.Println("\nThe gate was open while the address accepted connections, and closed when it did not.")
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
	gate := workspace{terraform: path, dir: filepath.Join(dir, "gate"), cliConfig: cliConfig}
	if err := gate.start("examples/precondition/main.tf"); err != nil {
		return err
	}
	if err := gate.openAndClose(); err != nil {
		return err
	}

	if !cli.Has("1.10.0") {
		fmt.Printf("\n%s has no ephemeral resources, so the gate at apply time is not shown.\n", cli)
		return nil
	}
	saved := workspace{terraform: path, dir: filepath.Join(dir, "saved-plan"), cliConfig: cliConfig}
	if err := saved.start("examples/ephemeral-resources/preflight_tcp_connect/ephemeral-resource.tf"); err != nil {
		return err
	}
	return saved.stopSavedPlan()
}

// workspace is a directory in which Terraform is run.
type workspace struct {
	terraform, dir, cliConfig string
}

// start makes the directory with a configuration and initializes it.
func (w workspace) start(configuration string) error {
	content, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "main.tf"), content, 0o644); err != nil {
		return err
	}
	fmt.Printf("\nThe configuration is %s.\n", configuration)
	if output, err := w.run("init"); err != nil {
		return fmt.Errorf("init: %w\n%s", err, output)
	}
	return nil
}

// openAndClose plans with a listener, and again without it.
func (w workspace) openAndClose() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // It is closed below; this is for the error paths.
	plan := []string{"plan", "-no-color", "-input=false", "-var=address=" + listener.Addr().String()}

	title(fmt.Sprintf("Plan while %s accepts connections", listener.Addr()))
	if _, err := w.show(plan...); err != nil {
		return fmt.Errorf("the plan should have gone through: %w", err)
	}
	if err := w.showResult(collectorName, tcpconnect.Connected); err != nil {
		return err
	}

	if err := listener.Close(); err != nil {
		return err
	}
	title(fmt.Sprintf("Plan after the listener at %s has stopped", listener.Addr()))
	if err := w.showStopped(closedMessage, plan...); err != nil {
		return err
	}
	return w.showResult(collectorName, tcpconnect.ConnectionRefused)
}

// stopSavedPlan saves a plan with a listener and applies it without.
func (w workspace) stopSavedPlan() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // It is closed below; this is for the error paths.

	title(fmt.Sprintf("Save a plan while %s accepts connections", listener.Addr()))
	if _, err := w.show("plan", "-no-color", "-input=false", "-out=plan", "-var=address="+listener.Addr().String()); err != nil {
		return fmt.Errorf("the plan should have gone through: %w", err)
	}
	if err := listener.Close(); err != nil {
		return err
	}
	title(fmt.Sprintf("Apply the saved plan after the listener at %s has stopped", listener.Addr()))
	if err := w.showStopped(failedCheck, "apply", "-no-color", "plan"); err != nil {
		return err
	}
	return w.showResult("connect", tcpconnect.ConnectionRefused)
}

// showResult prints the result file and checks that it holds the status.
func (w workspace) showResult(collectorName string, want tcpconnect.Status) error {
	file := bundle.ResultFile(filepath.Join(w.dir, "support-bundle"), collectorName)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe bundle's %s holds: %s\n", bundle.ResultFile("support-bundle", collectorName), content)
	if string(content) != string(want) {
		return fmt.Errorf("the result file should hold %q", want)
	}
	return nil
}

// run runs Terraform and returns what it says.
func (w workspace) run(arguments ...string) (output string, err error) {
	command := exec.Command(w.terraform, arguments...)
	command.Dir = w.dir
	command.Env = terraform.Environment(w.cliConfig)
	said, err := command.CombinedOutput()
	return string(said), err
}

// show runs Terraform and prints what it says.
func (w workspace) show(arguments ...string) (output string, err error) {
	fmt.Printf("\n$ %s %s\n", filepath.Base(w.terraform), strings.Join(arguments, " "))
	output, err = w.run(arguments...)
	fmt.Print(output)
	return output, err
}

// showStopped runs Terraform, prints what it says, and checks that it is stopped with a message.
func (w workspace) showStopped(message string, arguments ...string) error {
	output, err := w.show(arguments...)
	if err == nil {
		return fmt.Errorf("the %s went through, although nothing listens: the gate is broken", arguments[0])
	}
	if !strings.Contains(output, message) {
		return fmt.Errorf("the %s was stopped, but not with %q", arguments[0], message)
	}
	return nil
}

func title(text string) {
	fmt.Printf("\n==> %s\n", text)
}
