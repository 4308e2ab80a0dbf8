// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantagelab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/netlab"
)

// Host is a host of the lab with a thread that lives until the test ends. It starts processes: a process that is to be
// killed with its parent is killed when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG).
type Host struct {
	*netlab.Host
	tb          testing.TB
	jobs        chan func()
	descriptors int // that each process may have; 0: as many as this one
}

func newHost(tb testing.TB) *Host {
	tb.Helper()
	h := &Host{Host: netlab.NewHost(tb), tb: tb, jobs: make(chan func())}
	ended := make(chan error)
	go func() {
		ended <- h.Do(func() {
			for job := range h.jobs {
				job()
			}
		})
	}()
	tb.Cleanup(func() {
		close(h.jobs)
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return h
}

// on runs a function on the host's thread.
func (h *Host) on(job func()) {
	done := make(chan struct{})
	h.jobs <- func() {
		defer close(done)
		job()
	}
	<-done
}

// setFiles gives processes of the host their own content of files in /etc.
func (h *Host) setFiles(dir string, files map[string]string) {
	h.tb.Helper()
	var failure error
	h.on(func() {
		if failure = unix.Unshare(unix.CLONE_NEWNS); failure != nil {
			return
		}
		for name, content := range files {
			path := filepath.Join(dir, name)
			if failure = os.WriteFile(path, []byte(content), 0o644); failure != nil {
				return
			}
			if failure = unix.Mount(path, "/etc/"+name, "", unix.MS_BIND, ""); failure != nil {
				return
			}
		}
	})
	if failure != nil {
		h.tb.Fatal(failure)
	}
}

// setHome gives processes of the host a home directory of root's with authorized keys.
func (h *Host) setHome(dir, authorizedKeys string) {
	h.tb.Helper()
	home := filepath.Join(dir, "home")
	var failure error
	h.on(func() {
		failure = errors.Join(
			os.MkdirAll(filepath.Join(home, ".ssh"), 0o700),
			os.WriteFile(filepath.Join(home, ".ssh", "authorized_keys"), []byte(authorizedKeys+"\n"), 0o600),
			unix.Mount(home, "/root", "", unix.MS_BIND, ""))
	})
	if failure != nil {
		h.tb.Fatal(failure)
	}
}

// Process is a running program. It ends with the test.
type Process struct {
	PID    int
	host   *Host
	name   string
	log    string // the file with what it wrote
	exited chan struct{}
}

// start starts a program on the host.
func (h *Host) start(name string, arguments ...string) *Process {
	h.tb.Helper()
	log, err := os.CreateTemp(directory(h.tb), filepath.Base(name)+"-*.log")
	if err != nil {
		h.tb.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // The process has a descriptor of its own.
	if h.descriptors > 0 {
		arguments = append([]string{fmt.Sprintf("--nofile=%d", h.descriptors), name}, arguments...)
		name = "prlimit"
	}
	command := exec.Command(name, arguments...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	h.on(func() { err = command.Start() })
	if err != nil {
		h.tb.Fatal(err)
	}
	p := &Process{PID: command.Process.Pid, host: h, name: name, log: log.Name(), exited: make(chan struct{})}
	go func() {
		_ = command.Wait() // it is killed in the end
		close(p.exited)
	}()
	h.tb.Cleanup(func() {
		p.Kill()
		if h.tb.Failed() {
			h.tb.Logf("%s wrote:\n%s", name, p.written())
		}
	})
	return p
}

// Kill ends the process and its group. It returns when the process has ended.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID, syscall.SIGKILL) // it may have ended
	<-p.exited
}

// written returns the end of what the process wrote.
func (p *Process) written() string {
	const most = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// awaitListening waits until the process accepts connections at an address of the host.
func (p *Process) awaitListening(address string) {
	p.host.tb.Helper()
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(p.host.tb.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var conn net.Conn
		var err error
		p.host.on(func() { conn, err = new(net.Dialer).DialContext(ctx, "tcp", address) })
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ticker.C:
		case <-p.exited:
			p.host.tb.Fatalf("%s ended:\n%s", p.name, p.written())
		case <-ctx.Done():
			p.host.tb.Fatalf("%s does not listen on %s: %v\n%s", p.name, address, err, p.written())
		}
	}
}

// directory returns a new directory that servers can enter after they have given up their rights.
func directory(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// write writes a file of a server, and returns its path.
func write(tb testing.TB, dir, name, content string) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// run runs a program that ends by itself, and returns what it wrote.
func run(tb testing.TB, name string, arguments ...string) string {
	tb.Helper()
	var failure bytes.Buffer
	command := exec.CommandContext(tb.Context(), name, arguments...)
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s%s", name, strings.Join(arguments, " "), err, output, failure.String())
	}
	return string(output)
}

// namespaceOf returns the file of a host's network namespace, for other processes.
func (h *Host) namespaceOf() string {
	h.tb.Helper()
	var file *os.File
	var err error
	h.on(func() { file, err = os.Open("/proc/thread-self/ns/net") })
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = file.Close() })
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
}
