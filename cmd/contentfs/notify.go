package main

import (
	"log/slog"
	"net"
	"strings"
	"time"
)

// notify tells the service manager about the mount, when there is one: the
// protocol of sd_notify(3). A manager that does not hear is no reason to fail.
func (p *program) notify(log *slog.Logger, state string) {
	name, _ := p.getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	// "@" stands for the NUL of an abstract address, for the net package as well.
	if !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "@") {
		log.Warn("NOTIFY_SOCKET is no unix socket", "value", name)
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: name})
	if err == nil {
		defer conn.Close()
		conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		log.Warn("service manager not told", "error", err)
	}
}
