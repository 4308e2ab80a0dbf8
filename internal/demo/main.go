// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command demo shows a gate that lets a plan through and then stops it, with the real Terraform and a real listener. It fails if
// either does not happen. Run it by `make demo`.
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
	"github.com/terraform-preflight/terraform-provider-preflight/internal/mirror"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const (
	configuration = "examples/precondition/main.tf"
	collectorName = "kubernetes-api-tcp-conn-status"
	closedMessage = "Connection to the Kubernetes API address was refused"
)

func main() {
	log.SetFlags(0)
	terraform := flag.String("terraform", "terraform", "Terraform or OpenTofu to run")
	flag.Parse()
	if err := run(*terraform); err != nil {
		log.Fatalf("\nThe demo failed: %s", err)
	}
	fmt.Println("\nThe gate was open while the address accepted connections, and closed when it did not.")
}

func run(terraform string) (err error) {
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
	config, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	work := workspace{terraform: terraform, dir: filepath.Join(dir, "rollout"), cliConfig: cliConfig}
	if err := os.Mkdir(work.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work.dir, "main.tf"), config, 0o644); err != nil {
		return err
	}
	fmt.Printf("The configuration is %s.\n", configuration)
	if output, err := work.run("init"); err != nil {
		return fmt.Errorf("terraform init: %w\n%s", err, output)
	}
	return work.openAndClose()
}

// workspace is a directory in which Terraform is run.
type workspace struct {
	terraform, dir, cliConfig string
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
	if err := w.showResult(tcpconnect.Connected); err != nil {
		return err
	}

	if err := listener.Close(); err != nil {
		return err
	}
	title(fmt.Sprintf("Plan after the listener at %s has stopped", listener.Addr()))
	output, err := w.show(plan...)
	if err == nil {
		return errors.New("the plan went through, although nothing listens: the gate is broken")
	}
	if !strings.Contains(output, closedMessage) {
		return fmt.Errorf("the plan was stopped, but not with %q", closedMessage)
	}
	return w.showResult(tcpconnect.ConnectionRefused)
}

// showResult prints the result file and checks that it holds the status.
func (w workspace) showResult(want tcpconnect.Status) error {
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
	command.Env = mirror.Environment(w.cliConfig)
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

func title(text string) {
	fmt.Printf("\n==> %s\n", text)
}
