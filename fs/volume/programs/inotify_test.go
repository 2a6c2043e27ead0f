package programs_test

import (
	"regexp"
	"slices"
	"strings"
)

// testInotify: who watches sees the same events in the same order.
func testInotify(p *place) {
	p.sh(`mkdir -p in out; echo old >in/old; echo out >out/out`)
	w := p.background("inotifywait", "-m", "--format", "%w%f %e", "in", "out")
	p.await("watches", func() bool { return strings.Contains(w.text(), "Watches established") })
	p.sh(`echo new >in/new; echo more >>in/new; cat in/new >/dev/null; cp in/new in/copy; mv in/copy in/moved; mv out/out in/out; mv in/new out/new
		chmod 600 in/out; touch in/out; ln in/out in/hard; ln -s out in/soft; rm in/hard; mv in/moved in/out; : >in/old; truncate -s 5 in/old
		mkdir in/d; rmdir in/d; mkfifo in/fifo; ls in >/dev/null; sed -i s/o/x/ in/old; rm in/old; : >in/end; rm in/end`)
	p.await("the last event", func() bool { return strings.Contains(w.text(), "in/end DELETE") })
	w.stop()
	_, events, _ := strings.Cut(w.text(), "established.\n")
	// sed makes up a name, and of what is the same the kernel may tell once.
	lines := strings.Split(regexp.MustCompile(`in/sed\w{6}`).ReplaceAllString(events, "in/sed"), "\n")
	p.say(slices.Compact(lines)...)
}
