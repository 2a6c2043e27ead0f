package volume

import (
	"context"
	"fmt"
	"net"

	"contentfs/fs/redirect"
)

// listen begins to listen for HTTP, if that is asked for. Who connects waits until it
// is served.
func (v *Volume) listen(ctx context.Context) error {
	if v.o.HTTP == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", v.o.HTTP)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		v.o.Log.Warn("HTTP is served to other machines: whoever reaches the address can read every file of the volume",
			"address", l.Addr().String())
	}
	v.web = l
	return nil
}

// serveWeb answers web servers until ctx ends. That it fails is no reason to take the
// mount from those who work on it.
func (v *Volume) serveWeb(ctx context.Context) {
	h := redirect.New(redirect.Config{
		Engine: v.engine, Log: v.o.Log, Mountpoint: v.o.Mountpoint,
		S3: func() (reachable, known bool) {
			st := v.breaker.State()
			return st.Reachable, st.Known
		},
	})
	if err := h.Run(ctx, v.web); err != nil {
		v.o.Log.Error("HTTP is not served any more; the mount goes on", "err", err)
	}
}

// address returns where HTTP is served, "" if nowhere.
func (v *Volume) address() string {
	if v.web == nil {
		return ""
	}
	return v.web.Addr().String()
}
