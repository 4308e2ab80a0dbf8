// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/go-version"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/bastion"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/terraform"
)

// TestScripts runs testdata/*.txtar: what a user does and sees. In addition to the commands of testscript, a script has
//
//	listener NAME     accept connections at the host:port $NAME, or set $NAME to a new host:port if it is empty
//	later NAME A N    listen at $NAME, which refuses connections now, once the listener A has accepted N connections
//	close NAME        end that listener, so that $NAME refuses connections
//	dialled NAME N    expect that the listener has accepted N connections
//	refused NAME      set $NAME to a host:port that refuses connections
//	silent NAME       set $NAME to a host:port that never answers; skips the script on Windows
//	holds TEXT PATH   expect that a file at or below PATH holds TEXT, or a file of a ZIP archive there; ! expects none
//	bastion NAME T... start an SSH server at the host:port $NAME, which forwards TCP connections
//	http NAME T...    start an HTTP proxy at the host:port $NAME
//	socks NAME T...   start a SOCKS5 proxy at the host:port $NAME
//	terraform ARG...  run Terraform or OpenTofu, and `terraform init` before it if the directory is not initialized
//
// Each T of a bastion or a proxy is ADDRESS=HOST:PORT, what it dials if it is asked for an address ("*": any other
// one), or !ADDRESS, one that it forbids. The user of a bastion is deploy, the user's key is in NAME.key, encrypted if
// $PASSPHRASE is set, the host key is $NAME_HOST_KEY, and its fingerprint is $NAME_FINGERPRINT. If $PASSWORD is set, a
// bastion accepts it, and a proxy asks for it.
//
// The script has the conditions [opentofu], [opentofu:1.12] (that version of OpenTofu or a later one) and
// [terraform:1.10] (that version of Terraform or a later one, or an OpenTofu that can do the same). If Terraform breaks
// the text of a diagnostic into lines, stdout and stderr hold it as one line.
func TestScripts(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, terraform.Environment(cliConfig)...)
			env.Values[scriptKey{}] = &script{env.T().(testing.TB), make(map[string]*loopback.Listener)}
			return nil
		},
		Condition: scriptCondition,
		Cmds: map[string]scriptCommand{
			"listener":  peerCommand((*script).listen),
			"later":     laterCommand,
			"close":     peerCommand((*script).close),
			"refused":   peerCommand((*script).refused),
			"silent":    peerCommand((*script).silent),
			"dialled":   dialledCommand,
			"holds":     holdsCommand,
			"bastion":   serverCommand(startScriptBastion),
			"http":      serverCommand(startProxy(bastion.HTTPProxy)),
			"socks":     serverCommand(startProxy(bastion.SOCKSProxy)),
			"terraform": terraformCommand,
		},
	})
}

// script is what the commands of one script share.
type script struct {
	tb        testing.TB
	listeners map[string]*loopback.Listener
}

type scriptKey struct{}

func scriptCondition(condition string) (bool, error) {
	if condition == "opentofu" {
		return cli.IsOpenTofu, nil
	}
	product, oldest, _ := strings.Cut(condition, ":")
	minimum, err := version.NewVersion(oldest)
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", condition, err)
	}
	switch product {
	case "terraform":
		return cli.Has(oldest), nil
	case "opentofu":
		return cli.IsOpenTofu && cli.Version.Core().GreaterThanOrEqual(minimum), nil
	default:
		return false, fmt.Errorf("unknown condition %q", condition)
	}
}

// scriptCommand is what testscript calls. neg reports whether a "!" stands before the command.
type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// peerCommand returns a command that takes the name of a peer.
func peerCommand(run func(s *script, ts *testscript.TestScript, name string)) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("the command takes one NAME and no !")
		}
		run(ts.Value(scriptKey{}).(*script), ts, args[0])
	}
}

func (s *script) listen(ts *testscript.TestScript, name string) {
	if ts.Getenv(name) == "" {
		s.refused(ts, name)
	}
	endpoint, err := netip.ParseAddrPort(ts.Getenv(name))
	ts.Check(err)
	s.listeners[name] = loopback.ListenAt(s.tb, endpoint)
}

func laterCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: later NAME A N")
	}
	s := ts.Value(scriptKey{}).(*script)
	s.refused(ts, args[0])
	endpoint, err := netip.ParseAddrPort(ts.Getenv(args[0]))
	ts.Check(err)
	connections, err := strconv.Atoi(args[2])
	ts.Check(err)
	earlier := s.listener(ts, args[1])
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if earlier.AwaitAccepted(ctx, connections) {
			loopback.ListenAt(s.tb, endpoint)
		}
	})
	ts.Defer(func() {
		cancel()
		waiting.Wait()
	})
}

func (s *script) close(ts *testscript.TestScript, name string) {
	ts.Check(s.listener(ts, name).Close())
}

func (s *script) refused(ts *testscript.TestScript, name string) {
	ts.Setenv(name, loopback.Refused(s.tb).String())
}

func (s *script) silent(ts *testscript.TestScript, name string) {
	ts.Setenv(name, loopback.Silent(s.tb, loopback.IPv4).String())
}

func (s *script) listener(ts *testscript.TestScript, name string) *loopback.Listener {
	if s.listeners[name] == nil {
		ts.Fatalf("there is no listener %s", name)
	}
	return s.listeners[name]
}

func dialledCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dialled NAME N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := ts.Value(scriptKey{}).(*script).listener(ts, args[0]).Accepted(); got != want {
		ts.Fatalf("%s has accepted %d connections, want %d", args[0], got, want)
	}
}

func holdsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: holds TEXT PATH")
	}
	text := []byte(args[0])
	var holders []string
	files := 0
	err := filepath.WalkDir(ts.MkAbs(args[1]), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		files++
		isHolder := bytes.Contains(content, text)
		if archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
			for _, member := range archive.File {
				content, err := fs.ReadFile(archive, member.Name)
				if err != nil {
					return err
				}
				isHolder = isHolder || bytes.Contains(content, text)
			}
		}
		if isHolder {
			holders = append(holders, file)
		}
		return nil
	})
	ts.Check(err)
	if files == 0 || (len(holders) > 0) == neg {
		ts.Fatalf("of %d files, %q hold %q", files, holders, text)
	}
}

// serverCommand returns a command that starts a place to dial from.
func serverCommand(
	start func(tb testing.TB, ts *testscript.TestScript, name string, network bastion.Network) *bastion.Server,
) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			ts.Fatalf("the command takes NAME and targets, and no !")
		}
		network := bastion.Network{Targets: make(map[string]netip.AddrPort)}
		for _, arg := range args[1:] {
			if forbidden, ok := strings.CutPrefix(arg, "!"); ok {
				network.Forbidden = append(network.Forbidden, forbidden)
				continue
			}
			address, target, _ := strings.Cut(arg, "=")
			endpoint, err := netip.ParseAddrPort(target)
			ts.Check(err)
			network.Targets[address] = endpoint
		}
		server := start(ts.Value(scriptKey{}).(*script).tb, ts, args[0], network)
		ts.Setenv(args[0], server.Address())
	}
}

func startScriptBastion(
	tb testing.TB, ts *testscript.TestScript, name string, network bastion.Network,
) *bastion.Server {
	tb.Helper()
	host, err := bastion.NewKey()
	ts.Check(err)
	user, err := bastion.NewKey()
	ts.Check(err)
	private, err := user.PEM(ts.Getenv("PASSPHRASE"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name+".key"), []byte(private), 0o600))
	ts.Setenv(name+"_HOST_KEY", host.Public())
	ts.Setenv(name+"_FINGERPRINT", host.Fingerprint())
	account := bastion.Account{HostKey: host, User: "deploy", Key: &user, Password: ts.Getenv("PASSWORD")}
	return bastion.SSH(tb, network, account)
}

func startProxy(
	start func(testing.TB, bastion.Network, bastion.Login) *bastion.Server,
) func(testing.TB, *testscript.TestScript, string, bastion.Network) *bastion.Server {
	return func(tb testing.TB, ts *testscript.TestScript, _ string, network bastion.Network) *bastion.Server {
		tb.Helper()
		login := bastion.Login{}
		if password := ts.Getenv("PASSWORD"); password != "" {
			login = bastion.Login{Username: "deploy", Password: password}
		}
		return start(tb, network, login)
	}
}

func terraformCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: terraform ARG...")
	}
	if _, err := os.Stat(ts.MkAbs(".terraform")); err != nil && args[0] != "init" {
		ts.Check(ts.Exec(cli.Path, "init", "-input=false", "-no-color"))
	}
	err := ts.Exec(cli.Path, append(args, "-no-color")...)
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		ts.Fatalf("terraform %s: %v", args[0], err)
	}
	stdout, stderr := unwrap(ts.ReadFile("stdout")), unwrap(ts.ReadFile("stderr"))
	_, _ = fmt.Fprint(ts.Stdout(), stdout)
	_, _ = fmt.Fprint(ts.Stderr(), stderr)
	if failed := err != nil; failed != neg {
		ts.Fatalf("terraform %s: failed: %t (%v), expected to fail: %t", args[0], failed, err, neg)
	}
}

// wrapWidth is the length of the longest line into which Terraform breaks the text of a diagnostic without a terminal.
const wrapWidth = 77

// unwrap joins the lines of diagnostics that Terraform broke. Such a line is not indented, and the next word would not
// have fitted into it.
func unwrap(output string) string {
	var joined strings.Builder
	last, inDiagnostic := "", false
	for i, line := range strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n") {
		word, _, _ := strings.Cut(line, " ")
		switch {
		case inDiagnostic && isText(last) && isText(line) && utf8.RuneCountInString(last) <= wrapWidth &&
			utf8.RuneCountInString(last+" "+word) > wrapWidth:
			joined.WriteByte(' ')
		case i > 0:
			joined.WriteByte('\n')
		}
		joined.WriteString(line)
		last = line
		inDiagnostic = inDiagnostic || strings.HasPrefix(line, "Error: ") || strings.HasPrefix(line, "Warning: ")
	}
	return joined.String()
}

func isText(line string) bool { return line != "" && line[0] != ' ' }
