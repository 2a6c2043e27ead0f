package programs_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// testLogrotateCreate: a log is renamed under the hands of who writes it, who opens
// the new one when he is told. No line is lost meanwhile.
func testLogrotateCreate(p *place) {
	w := p.logger()
	// None of this is quiet: lines come all the time.
	config := p.config("rotate.conf", fmt.Sprintf("DIR/log {\n\trotate 9\n\tcreate 0640 0 0\n\tpostrotate\n\t\tkill -HUP %d\n\tendscript\n}\n", w.cmd.Process.Pid))
	stop, counted := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				counted <- n
				return
			default:
			}
			if _, err := fmt.Fprintf(w.stdin, "%d\n", n); err != nil {
				counted <- -1
				return
			}
		}
	}()
	rotations := 0
	for ; rotations < 4; rotations++ {
		p.await("lines", func() bool { return p.lines("log") > 20 })
		p.posted(`logrotate -f -s "$ASIDE/state" "$1"`, config)
	}
	close(stop)
	n := <-counted
	must(p.T, w.stdin.Close())
	<-w.done
	var names []string
	for i := rotations; i > 0; i-- {
		names = append(names, fmt.Sprintf("log.%d", i))
	}
	p.numbered(n, append(names, "log")...)
	p.sh(`ls -A; stat -c '%n %a %U' log*; rm log*`)
}

// testLogrotateTruncate: the log is copied and cut under the hands of who writes it.
// What is written between these two is lost by nature; here nothing is, and what is
// written next comes first.
func testLogrotateTruncate(p *place) {
	w := p.logger()
	config := p.config("rotate.conf", "DIR/log {\n\trotate 9\n\tcopytruncate\n}\n")
	const rotations, each = 3, 150
	for i := range rotations {
		p.feed(w, i*each, each)
		p.posted(`logrotate -f -s "$ASIDE/state" "$1"`, config)
	}
	p.feed(w, rotations*each, each)
	must(p.T, w.stdin.Close())
	<-w.done
	p.numbered((rotations+1)*each, "log.3", "log.2", "log.1", "log")
	p.sh(`stat -c '%n %s %h' log*; md5sum log*`)
}

// logger appends each line it is told to the file log, which it opens anew at SIGHUP.
type logger struct {
	*process
	stdin io.WriteCloser
}

func (p *place) logger() *logger {
	p.Helper()
	cmd := p.inside(exec.Command("/bin/bash"), `exec 3>>log; trap 'exec 3>>log' HUP
		while :; do
		if IFS= read -r line; then echo "$line" >&3; else (($? > 128)) || exit 0; fi
		done`)
	r, in, err := os.Pipe()
	must(p.T, err)
	defer r.Close()
	// Not much may wait in it when the test has seen enough.
	_, err = unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, 4096)
	must(p.T, err)
	cmd.Stdin = r
	w := &logger{process: p.start(cmd), stdin: in}
	p.Cleanup(func() { in.Close() })
	p.await("the log", func() bool { _, err := os.Stat(p.path("log")); return err == nil })
	return w
}

// feed has n lines written, counted from first, and waits until they are.
func (p *place) feed(w *logger, first, n int) {
	p.Helper()
	for i := range n {
		_, err := fmt.Fprintf(w.stdin, "%d\n", first+i)
		must(p.T, err)
	}
	p.await("lines in the log", func() bool { return p.lines("log") == n })
}

// lines counts the lines of a file.
func (p *place) lines(name string) int {
	p.Helper()
	b, err := os.ReadFile(p.path(name))
	must(p.T, err)
	return strings.Count(string(b), "\n")
}

// numbered fails the test unless the files hold, one after the other, the lines
// from 0 to n-1.
func (p *place) numbered(n int, names ...string) {
	p.Helper()
	var all, want strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(p.path(name))
		must(p.T, err)
		all.Write(b)
	}
	for i := range n {
		fmt.Fprintln(&want, i)
	}
	if n < 0 || all.String() != want.String() {
		p.Errorf("%d lines were written, %d bytes; in the logs are %d lines, %d bytes",
			n, want.Len(), strings.Count(all.String(), "\n"), all.Len())
	}
}
