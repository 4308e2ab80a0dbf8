// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dirVariable    = "PREFLIGHT_BUNDLE_TEST_DIR"
	stopVariable   = "PREFLIGHT_BUNDLE_TEST_STOP"
	tracedVariable = "PREFLIGHT_BUNDLE_TEST_TRACED"

	// The writer sends this signal to its thread when it begins to write.
	beginSignal = syscall.SIGUSR1

	exitKilled = 3 // of the tracer: the writer was killed before it had ended
)

func init() {
	helpers["writer"] = func() {
		runtime.LockOSThread() // so that the system calls of the write are those of one thread
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), beginSignal); err != nil {
			panic(err)
		}
		w := NewWriter(os.Getenv(dirVariable), FormatStatus)
		if _, err := w.Write("connect", Result{Status: "error"}); err != nil {
			panic(err)
		}
	}
	helpers["archiver"] = func() {
		runtime.LockOSThread()
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), beginSignal); err != nil {
			panic(err)
		}
		dir := os.Getenv(dirVariable)
		if err := NewWriter(dir, FormatStatus).WriteArchive(filepath.Join(dir, "acme.tar.gz"), report()); err != nil {
			panic(err)
		}
	}
	helpers["reporter"] = func() {
		runtime.LockOSThread()
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), beginSignal); err != nil {
			panic(err)
		}
		if err := writeReport(NewWriter(os.Getenv(dirVariable), FormatStatus), report()); err != nil {
			panic(err)
		}
	}
	helpers["tracer"] = func() {
		stop, err := strconv.Atoi(os.Getenv(stopVariable))
		if err != nil {
			panic(err)
		}
		if killAtStop(helperCommand(os.Getenv(tracedVariable)), stop) {
			os.Exit(exitKilled)
		}
	}
}

func helperCommand(helper string) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), helperVariable+"="+helper)
	command.Stderr = os.Stderr
	return command
}

// killAtStop runs a command and kills it when the thread that got beginSignal has entered or left a system call stop
// times since. It reports whether the command was killed. If not, it had ended before. See ptrace(2).
func killAtStop(command *exec.Cmd, stop int) bool {
	runtime.LockOSThread() // a tracer is a thread
	command.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := command.Start(); err != nil {
		panic(err)
	}
	pid := command.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		panic(err)
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(pid, options); err != nil {
		panic(err)
	}
	const syscallStop = syscall.SIGTRAP | 0x80 // TRACESYSGOOD
	writer, stops := 0, 0
	for thread := pid; ; {
		signal := 0
		switch received := status.StopSignal(); received {
		case syscallStop:
			if thread == writer {
				stops++
			}
			if stops == stop {
				if err := command.Process.Kill(); err != nil {
					panic(err)
				}
				waitForEnd(pid)
				return true
			}
		case beginSignal:
			writer = thread
		case syscall.SIGTRAP, syscall.SIGSTOP: // of ptrace itself
		default:
			signal = int(received)
		}
		if err := syscall.PtraceSyscall(thread, signal); err != nil && err != syscall.ESRCH {
			panic(err)
		}
		for {
			var err error
			if thread, err = syscall.Wait4(-1, &status, unix.WALL, nil); err != nil {
				panic(err)
			}
			if status.Stopped() {
				break
			}
			if thread == pid {
				if status.ExitStatus() != 0 {
					panic("the writer failed")
				}
				return false
			}
		}
	}
}

func waitForEnd(pid int) {
	for {
		var status syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &status, unix.WALL, nil)
		if err != nil || thread == pid && !status.Stopped() {
			return
		}
	}
}

// killEverywhere runs a helper in a directory again and again, and kills it at each stop of a system call. It calls
// before each run, and after whenever it has killed the helper. It ends when the helper has ended by itself a few
// times in a row: the number of system calls varies a little.
func killEverywhere(t *testing.T, helper, dir string, before, after func(stop int)) (kills int) {
	t.Helper()
	ended := 0
	for stop := 1; ; stop++ {
		before(stop)
		tracer := helperCommand("tracer")
		tracer.Env = append(tracer.Env,
			tracedVariable+"="+helper, dirVariable+"="+dir, stopVariable+"="+strconv.Itoa(stop),
			"GOGC=off", "GODEBUG=asyncpreemptoff=1") // so that Go's runtime makes few system calls
		err := tracer.Run()
		if err == nil {
			if ended++; ended == 5 {
				return kills
			}
			continue
		}
		ended = 0
		if tracer.ProcessState.ExitCode() != exitKilled {
			t.Fatalf("tracer: %v", err)
		}
		kills++
		after(stop)
	}
}

func TestKilledWriterLeavesTheOldResultOrTheNew(t *testing.T) {
	t.Parallel()
	dir, file := plant(t, "connected")
	strays, replaced := 0, 0
	kills := killEverywhere(t, "writer", dir, func(int) {
		if err := os.WriteFile(file, []byte("connected"), 0o644); err != nil {
			t.Fatal(err)
		}
	}, func(stop int) {
		expectContent(t, file, "connected", "error")
		if content, _ := os.ReadFile(file); string(content) == "error" {
			replaced++
		}
		if left, _ := filepath.Glob(filepath.Join(dir, connectPath, ".*.tmp")); len(left) > 0 {
			strays++
		}
		if _, _, err := readOne(dir, "connect", isStatus); err != nil {
			t.Errorf("killed at system call stop %d: %v", stop, err)
		}
		if _, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"}); err != nil {
			t.Fatal(err)
		}
		expectFiles(t, dir, "connect.json")
	})
	t.Logf("killed at %d stops, %d times with a stray file, %d times after the replacement", kills, strays, replaced)
	if strays == 0 || replaced == 0 || replaced == kills {
		t.Errorf("of %d kills, %d left a stray file and %d came after the replacement: the write was not covered",
			kills, strays, replaced)
	}
}

func TestKilledArchiverLeavesTheOldArchiveOrTheNew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(dir, "acme.tar.gz")
	older := packed(t, regular(connect+"db.json", "error"))
	replaced := 0
	kills := killEverywhere(t, "archiver", dir, func(int) {
		if err := os.WriteFile(archive, older, 0o644); err != nil {
			t.Fatal(err)
		}
	}, func(stop int) {
		result, _, err := readOne(archive, "db", isStatus)
		switch {
		case err != nil:
			t.Errorf("killed at system call stop %d: %v", stop, err)
		case result.Status == "connected":
			replaced++
		}
		if err := NewWriter(dir, FormatStatus).WriteArchive(archive, report()); err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the next writer leaves %v, %v", entries, err)
		}
	})
	t.Logf("killed at %d stops, %d times after the replacement", kills, replaced)
	if replaced == 0 || replaced == kills {
		t.Errorf("of %d kills %d came after the replacement: the write was not covered", kills, replaced)
	}
	if err := NewWriter(dir, FormatStatus).WriteArchive(archive, report()); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the next writer leaves %v, %v", entries, err)
	}
}

func TestKilledReporterLeavesNoAnalysisOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	older := map[string]string{
		versionFile:  "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v0.120.0\n",
		analysisFile: analysisOf(t, "older"), connect + "db.json": "error", connect + "api.json": "error",
	}
	begun, analysed := 0, 0
	kills := killEverywhere(t, "reporter", dir, func(int) {
		plantInto(t, dir, older)
	}, func(stop int) {
		replaced := 0
		for name, content := range older {
			if now, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); string(now) != content {
				replaced++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		analysis, err := os.ReadFile(filepath.Join(dir, analysisFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			begun++
		case err != nil:
			t.Fatal(err)
		case string(analysis) == older[analysisFile] && replaced > 0:
			t.Errorf("killed at system call stop %d: an older analysis lies beside new files", stop)
		case string(analysis) != older[analysisFile]:
			analysed++
			if replaced < len(older) {
				t.Errorf("killed at system call stop %d: a new analysis lies beside older files", stop)
			}
		}
		if err := writeReport(NewWriter(dir, FormatStatus), report()); err != nil {
			t.Fatal(err)
		}
		expectFiles(t, dir, "api.json", "db.json")
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
			t.Errorf("the next writer leaves %v, %v", entries, err)
		}
	})
	t.Logf("killed at %d stops, %d times without an analysis, %d times with the new one", kills, begun, analysed)
	if begun == 0 || begun+analysed == kills {
		t.Errorf("of %d kills, %d left no analysis and %d the new one: the write was not covered",
			kills, begun, analysed)
	}
	want, err := report().analysis() // the last reporter was not killed
	if err != nil {
		t.Fatal(err)
	}
	expectContent(t, filepath.Join(dir, analysisFile), string(want))
}

func TestWriterThatCanNotRemoveAnOlderAnalysisTriesAgain(t *testing.T) {
	t.Parallel()
	dir := plantTree(t, map[string]string{connect + "api.json": "error", analysisFile: analysisOf(t, "older")})
	analysis := filepath.Join(dir, analysisFile)
	w := NewWriter(dir, FormatStatus)
	write := func() error { _, err := w.Write("db", Result{Status: "connected"}); return err }
	for _, test := range []struct {
		file string
		mode os.FileMode
		want string
	}{
		{dir, 0o555, "write " + ResultFile(dir, "db") + ": remove " + analysis + ": permission denied"},
		{analysis, 0, "write " + ResultFile(dir, "db") + ": read " + analysis + ": permission denied"},
	} {
		if err := os.Chmod(test.file, test.mode); err != nil {
			t.Fatal(err)
		}
		unprivileged(t, func() { expectError(t, write(), test.want) })
		expectContent(t, analysis, analysisOf(t, "older"))
		expectFiles(t, dir, "api.json")
		if err := os.Chmod(test.file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(); err != nil {
		t.Error(err)
	}
	expectNoFile(t, analysis)
	expectFiles(t, dir, "api.json", "db.json")
}

// unprivileged runs f with the file permissions of an ordinary owner, even where the test runs as root: without the
// capabilities that override them, in one thread, which ends with the goroutine. See capabilities(7).
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		defer func() { done <- err }()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		err = unix.Capget(&header, &sets[0])
		if err == nil {
			sets[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
			err = unix.Capset(&header, &sets[0])
		}
		if err == nil {
			f()
		}
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestPermissionsAreKeptAndTold(t *testing.T) {
	t.Parallel()
	dir, file := plant(t, "connected")
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		_, _, err := readOne(dir, "connect", isStatus)
		expectError(t, err, "read "+file+": permission denied")
	})
	for _, directory := range []string{filepath.Join(dir, connectPath), dir} {
		if err := os.Chmod(directory, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755); _ = os.Chmod(filepath.Join(dir, connectPath), 0o755) })
	unprivileged(t, func() {
		_, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"})
		expectError(t, err, file, "permission denied")
	})
	expectContent(t, file, "connected")
	expectFiles(t, dir, "connect.json")
}

func TestWhatCanNotBeReadOrReplacedIsAnError(t *testing.T) {
	t.Parallel()
	archive := plantFile(t, "bundle.tar.gz", packed(t, regular(connect+"db.json", "connected")))
	nodes := plantTree(t, map[string]string{
		connect + "db.json": "connected", "host-collectors/node-1/connect/db.json": "error",
	})
	unknown := plantTree(t, map[string]string{versionFile: "version: 1"})
	reported := t.TempDir()
	if err := writeReport(NewWriter(reported, FormatJSON), report()); err != nil {
		t.Fatal(err)
	}
	unlisted, closed := t.TempDir(), t.TempDir()
	held := plantTree(t, map[string]string{connect + "db.json": "connected"})
	for file, mode := range map[string]os.FileMode{
		archive: 0, filepath.Join(nodes, "host-collectors", "node-1"): 0, filepath.Join(unknown, versionFile): 0,
		reported: 0o555, unlisted: 0o311, held: 0o311, closed: 0,
	} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(file, 0o755) })
	}
	fresh := filepath.Join(reported, "new")
	half := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(half, connectPath), 0o755), os.Chmod(half, 0o555)); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		for what, test := range map[string]func() error{
			"read " + archive + ": permission denied": func() error {
				_, err := Read(t.Context(), archive, "db", isStatus)
				return err
			},
			"host-collectors/node-1: permission denied": func() error {
				_, err := Read(t.Context(), nodes, "db", isStatus)
				return err
			},
			"open bundle: stat " + closed + "/bundle: permission denied": func() error {
				_, err := Read(t.Context(), closed+"/bundle", "db", isStatus)
				return err
			},
			"read " + held + ": open bundle directory": func() error {
				_, err := Read(t.Context(), held, "db", isStatus)
				return err
			},
			"permission denied": func() error {
				_, err := Read(t.Context(), unlisted, "db", isStatus)
				return err
			},
			"read " + filepath.Join(unknown, versionFile) + ": permission denied": func() error {
				return writeReport(NewWriter(unknown, FormatJSON), report())
			},
			"remove " + filepath.Join(reported, analysisFile): func() error {
				return writeReport(NewWriter(reported, FormatJSON), report())
			},
			"write " + filepath.Join(half, versionFile) + ": permission denied": func() error {
				return writeReport(NewWriter(half, FormatJSON), report())
			},
			ResultFile(unlisted, "db") + ": open bundle directory": func() error {
				_, err := NewWriter(unlisted, FormatJSON).Write("db", Result{Status: "error"})
				return err
			},
			"make bundle directory": func() error { return writeReport(NewWriter(fresh, FormatJSON), report()) },
			"a.tgz: permission denied": func() error {
				return NewWriter(reported, FormatJSON).WriteArchive(filepath.Join(reported, "a.tgz"), report())
			},
		} {
			if err := test(); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("got %v, want an error that says %q", err, what)
			}
		}
	})
	if _, err := os.Stat(filepath.Join(reported, analysisFile)); err != nil {
		t.Error(err)
	}
}

func TestStrayFileThatIsNotKnownToBeOursStays(t *testing.T) {
	t.Parallel()
	dir, _ := plant(t, "connected")
	stray := filepath.Join(dir, connectPath, ".other.json"+random+".tmp") // which may be locked
	if err := os.WriteFile(stray, nil, 0); err != nil {
		t.Fatal(err)
	}
	link := ".link.json" + random + ".tmp"
	symlink(t, "connect.json", filepath.Join(dir, connectPath, link))
	unprivileged(t, func() {
		if _, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"}); err != nil {
			t.Error(err)
		}
	})
	expectFiles(t, dir, link, filepath.Base(stray), "connect.json")
}

// mountTmpfs mounts a small file system of its own on a new directory.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a file system needs the privilege CAP_SYS_ADMIN: %v", err)
	}
	t.Cleanup(func() {
		// Detached, because a process that another test starts may still have its files open.
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDiskKeepsTheOldResult(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "size=64k")
	file, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "connected"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 128<<10), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	_, err = NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"})
	expectError(t, err, file, "no space left on device")
	expectContent(t, file, "connected")
	expectFiles(t, dir, "connect.json")
}

func TestFullDiskKeepsTheOldArchive(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "size=64k")
	archive := filepath.Join(dir, "acme.tar.gz")
	w := NewWriter(dir, FormatJSON)
	if err := w.WriteArchive(archive, report()); err != nil {
		t.Fatal(err)
	}
	for _, messages := range []int{1, 1 << 20} { // the archive ends on the full disk, or one of its files does
		full := report()
		for range messages >> 4 {
			result := Result{Status: "error", Message: rand.Text()}
			full.Results = append(full.Results, CollectorResult{"x", result, collectedAt})
		}
		_ = os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 128<<10), 0o644)
		expectError(t, w.WriteArchive(archive, full), "write "+archive, "no space left on device")
		if result, _, err := readOne(archive, "db", isStatus); err != nil || result.Status != "connected" {
			t.Errorf("the old archive holds %+v, %v", result, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

func TestReadOnlyFileSystemKeepsTheOldResult(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "size=64k")
	file, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "connected"})
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err = NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"})
	expectError(t, err, file, "read-only file system")
	expectContent(t, file, "connected")
}

func TestNamedPipeDoesNotBlockAReader(t *testing.T) {
	t.Parallel()
	dir, file := plant(t, "")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for bundle, want := range map[string]string{
		dir:  "not a regular file",
		file: "neither a directory nor a regular file",
	} {
		done := make(chan error, 1)
		go func() {
			_, _, err := readOne(bundle, "connect", isStatus)
			done <- err
		}()
		select {
		case err := <-done:
			expectError(t, err, file, want)
		case <-time.After(time.Minute):
			t.Fatalf("reading the bundle %s blocks at a named pipe", bundle)
		}
	}
}
