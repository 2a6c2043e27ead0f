package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"contentfs/fs/control"
	"contentfs/meta"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain ä 日本": "plain ä 日本", "a\x1b[2J": `a\x1b[2J`, "a\nb\t": `a\nb\t`, "\xff\u202e": `\xff\u202e`, "": "", "a\\b": `a\b`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// results are one of each kind, filled.
func results() map[string]result {
	stats := meta.Stats{
		Nodes:     meta.NodeCounts{Files: 3, Dirs: 1},
		OnlyLocal: meta.Count{Number: 2, Bytes: 2048}, Nowhere: meta.Count{Number: 1, Bytes: 5},
		Queue: meta.Count{Number: 2, Bytes: 2048}, Oldest: now.Add(-time.Hour).UnixNano(),
		LastError: "denied\x1b", LastErrorAt: now.Add(-time.Minute).UnixNano(), Quarantined: 1,
	}
	st := &statusResult{now: now}
	st.live(control.Status{Name: "web", Mountpoint: "/srv/web", PID: 7, Started: now, Durability: "strict",
		S3: control.S3Status{Since: now.Add(-2 * time.Minute), Error: "refused"}, Stats: stats})
	um := &unmountResult{Volume: "web", How: ended, Mountpoint: "/srv/web", State: "/st"}
	um.pending(2, 2048)
	return map[string]result{
		"status":  st,
		"unmount": um,
		"check":   &checkResult{Volume: "web", Findings: []finding{{Step: "a", Outcome: passed}, {Step: "b", Outcome: failed, Remedy: "c"}}},
		"url":     &urlResult{URLs: []urlFinding{{Path: "/a", URL: "https://x/a"}}},
		"mount":   &mountResult{Volume: "web", Mountpoint: "/srv/web"},
	}
}

func TestFormats(t *testing.T) {
	for name, r := range results() {
		var out bytes.Buffer
		p := &program{stdout: &out}
		if err := p.print(false, r); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if lines[len(lines)-1] != r.verdict() {
			t.Errorf("%s: the last line is %q, not the verdict %q", name, lines[len(lines)-1], r.verdict())
		}
		if strings.ContainsAny(out.String(), "\x1b\t") {
			t.Errorf("%s: unprintable output %q", name, out.String())
		}
		out.Reset()
		if err := p.print(true, r); err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(out.Bytes(), &m); err != nil || m["verdict"] != r.verdict() || len(m) < 2 {
			t.Errorf("%s: %v in %s", name, err, out.String())
		}
		if strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s: JSON is not one line", name)
		}
	}
}

func TestStatusText(t *testing.T) {
	var out bytes.Buffer
	r := results()["status"]
	if err := (&program{stdout: &out}).print(false, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"web: mounted, 3 files, 2 waiting (2 KiB, oldest 1h0m), 1 LOST, 1 in quarantine, S3 not reachable for 2m0s",
		"LOST", "not reachable since", "(2m0s): refused", `denied\x1b (1m0s ago)`, "no passthrough",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	clock := now
	g := &progress{w: &out, volume: "web", now: func() time.Time { return clock }}
	up := control.S3Status{Reachable: true, Since: now}
	g.report(control.Progress{Pending: 9, PendingBytes: 1 << 20, Done: 1, S3: up})
	g.report(control.Progress{Pending: 8, Done: 2, S3: up}) // too soon
	clock = clock.Add(linePause)
	g.report(control.Progress{Pending: 7, Done: 3, S3: control.S3Status{Since: now, Error: "refused"}})
	g.report(control.Progress{Done: 10, S3: up}) // the last one always
	g.end()
	want := "web: 1 of 10 files sent, 1 MiB to go\n" +
		"web: 3 of 10 files sent, 0 B to go, S3 not reachable for 10s: refused\n" +
		"web: 10 of 10 files sent, 0 B to go\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestProgressBar(t *testing.T) {
	var out bytes.Buffer
	g := &progress{w: &out, volume: "web", terminal: true, now: func() time.Time { return now }}
	g.report(control.Progress{Pending: 1, Done: 1, S3: control.S3Status{Reachable: true}})
	g.end()
	if want := "\rweb [############............] 1 of 2 files sent, 0 B to go\x1b[K\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	for _, tc := range []struct{ done, whole int64 }{{0, 0}, {-1, 5}, {9, 5}, {1 << 62, 1 << 62}} {
		if b := bar(tc.done, tc.whole); len(b) != 26 {
			t.Errorf("%+v: %q", tc, b)
		}
	}
}
