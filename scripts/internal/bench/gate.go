package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
)

// gate stands between the mounts and the S3 server. Shut, it turns every connection
// away, so that nothing is uploaded: a server on the same machine takes more of it
// than what is measured.
type gate struct {
	listener net.Listener
	server   string // host and port
	done     sync.WaitGroup

	mu    sync.Mutex // guards what follows
	isOff bool
	conns map[net.Conn]struct{} // both ends of what passes
}

// openGate returns a gate in front of the server at the URL.
func openGate(server string) (*gate, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	g := &gate{listener: l, server: u.Host, conns: make(map[net.Conn]struct{})}
	g.done.Go(g.serve)
	return g, nil
}

// endpoint is the URL by which the mounts reach the server.
func (g *gate) endpoint() string { return "http://" + g.listener.Addr().String() }

// shut ends all connections and lets no more pass.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOff = true
	for c := range g.conns {
		c.Close()
	}
}

// open ends shut.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOff = false
}

func (g *gate) close() {
	g.listener.Close()
	g.shut()
	g.done.Wait()
}

func (g *gate) serve() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		g.done.Go(func() { g.pass(c) })
	}
}

// pass carries one connection to its end.
func (g *gate) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !g.admit(client, server) {
		return
	}
	defer g.forget(client, server)
	g.done.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	io.Copy(client, server)
}

func (g *gate) admit(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOff {
		return false
	}
	for _, c := range conns {
		g.conns[c] = struct{}{}
	}
	return true
}

func (g *gate) forget(conns ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range conns {
		delete(g.conns, c)
	}
}
