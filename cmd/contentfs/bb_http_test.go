package main_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"testing"
)

// TestHTTP: a mount answers web servers where it was told to, status says where, and an
// address that somebody has is told before there is a mount.
func TestHTTP(t *testing.T) {
	v := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	want(t, v.Run(mountLine(v, "--http", address)...), 3, "cannot listen for HTTP", address, "address already in use", "try: another http = ")
	if names, err := os.ReadDir(v.Point); err != nil || len(names) > 0 {
		t.Errorf("the mount point has %v, %v", names, err)
	}
	l.Close()
	v.Mount("--http", address)
	v.Write("uid/file/page.txt", []byte("text"))
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(asked(t, "http://"+address+"/healthz"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("health: %s, %s, %v", resp.Status, b, err)
	}
	want(t, v.Run("status", "--state", v.State, v.Name), 0, "HTTP", address)
	v.Unmount()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("somebody listens after the end")
	}
}

func asked(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
