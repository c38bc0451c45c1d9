// Package make_test is about what the Makefile says on a machine that lacks something.
package make_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs one of the tools with only these programs on the PATH, a name each; those
// without a file of their own are the machine's.
func run(t *testing.T, tool string, programs map[string]string, env ...string) (stdout, stderr string, code int) {
	t.Helper()
	bin := t.TempDir()
	for name, text := range programs {
		if text != "" {
			if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "../../tools/"+tool)
	cmd.Env = append([]string{"PATH=" + bin, "HOME=" + t.TempDir(), "GOTOOLCHAIN=local"}, env...)
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run() // the code says how it ended
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

func TestTheRaceDetectorIsLeftOutWithoutACCompilerAndALineSaysSo(t *testing.T) {
	goAlone := map[string]string{"go": "#!/bin/sh\necho gcc\n"}
	out, said, code := run(t, "race", goAlone)
	if out != "" || code != 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "without the race detector") {
		t.Errorf("exit code %d, %q, said %q", code, out, said)
	}
}

func TestCIInsistsOnTheRaceDetector(t *testing.T) {
	_, said, code := run(t, "race", map[string]string{"go": "#!/bin/sh\necho gcc\n"}, "CI=true")
	if code == 0 || strings.Count(said, "\n") != 1 {
		t.Errorf("exit code %d, said %q", code, said)
	}
}

func TestTheRaceDetectorIsUsedWithACCompiler(t *testing.T) {
	out, said, code := run(t, "race", map[string]string{"go": "#!/bin/sh\necho gcc -m64\n", "gcc": "#!/bin/sh\n"}, "CI=true")
	if out != "-race\n" || said != "" || code != 0 {
		t.Errorf("exit code %d, %q, said %q", code, out, said)
	}
}

func TestALongBuildSaysWhatItIsAtWhileNothingIsPrinted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "../../tools/patiently", "building the tests", "sh", "-c", "read x; echo done; exit 3")
	cmd.Env = append(os.Environ(), "PATIENCE=1")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "building the tests (1s so far") {
		t.Errorf("said %q, %v", line, err)
	}
	_, _ = input.Write([]byte("go on\n"))
	_ = cmd.Wait()
	if out.String() != "done\n" || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%q, exit code %d", out.String(), cmd.ProcessState.ExitCode())
	}
}

// A build of ten minutes is no reason for forty lines.
func TestALongBuildSaysSoLessAndLessOften(t *testing.T) {
	tools := t.TempDir()
	if err := os.WriteFile(tools+"/sleep", []byte("#!/bin/sh\nexec /bin/sleep 0.01\n"), 0o755); err != nil { // time flies
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "../../tools/patiently", "building", "sh", "-c", "read x")
	cmd.Env = append(os.Environ(), "PATIENCE=1", "PATH="+tools+":"+os.Getenv("PATH"))
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(said)
	for _, so := range []string{"1s", "3s", "7s", "15s", "31s"} {
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "building ("+so+" so far") {
			t.Errorf("said %q, %v, want %s", line, err, so)
		}
	}
	_ = input.Close()
	_ = cmd.Wait()
}
