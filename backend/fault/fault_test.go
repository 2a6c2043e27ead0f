package fault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
)

var emptySum = sha256.Sum256(nil)

func TestConformanceWithoutRules(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return fault.New(mem.New()) })
}

func TestNthCall(t *testing.T) {
	b := fault.New(mem.New())
	backendtest.Put(t, b, "k", []byte("body"))
	b.Add(fault.Rule{Op: fault.Stat, Skip: 1, Times: 2, Fail: true, Class: backend.Denied})
	var classes []backend.Class
	for range 5 {
		if _, err := b.Stat(t.Context(), "k"); err != nil {
			classes = append(classes, backend.ClassOf(err))
		} else {
			classes = append(classes, -1)
		}
	}
	if want := []backend.Class{-1, backend.Denied, backend.Denied, -1, -1}; !slices.Equal(classes, want) {
		t.Errorf("classes %v, want %v", classes, want)
	}
	if b.Calls(fault.Stat) != 5 || b.Calls(fault.Put) != 1 || b.Calls("") != 6 {
		t.Errorf("calls: %d stat, %d put, %d in all", b.Calls(fault.Stat), b.Calls(fault.Put), b.Calls(""))
	}
}

func TestKeyRemoveClear(t *testing.T) {
	b := fault.New(mem.New())
	remove := b.Add(fault.Rule{Key: func(k string) bool { return k == "bad" }, Fail: true, Class: backend.Missing})
	backendtest.WantClass(t, b.Delete(t.Context(), "bad"), backend.Missing)
	if err := b.Delete(t.Context(), "good"); err != nil {
		t.Error(err)
	}
	remove()
	if err := b.Delete(t.Context(), "bad"); err != nil {
		t.Error(err)
	}
	b.Add(fault.Rule{Fail: true})
	backendtest.WantClass(t, b.Delete(t.Context(), "good"), backend.Transient)
	b.Clear()
	if err := b.Delete(t.Context(), "good"); err != nil {
		t.Error(err)
	}
}

func TestLostReply(t *testing.T) {
	b := fault.New(mem.New())
	b.Add(fault.Rule{Op: fault.Put, Lose: true})
	_, err := b.Put(t.Context(), "k", bytes.NewReader(nil), 0, backend.PutOptions{SHA256: emptySum})
	backendtest.WantClass(t, err, backend.Transient)
	if _, err := b.Stat(t.Context(), "k"); err != nil {
		t.Errorf("the put was not carried out: %v", err)
	}
}

func TestCopy(t *testing.T) {
	b := fault.New(mem.New())
	src := backendtest.Put(t, b, "k", nil)
	source, opts := backend.Source{Key: "k", ETag: src.ETag}, backend.PutOptions{SHA256: emptySum}
	remove := b.Add(fault.Rule{Op: fault.Copy, Fail: true, Class: backend.Denied})
	_, err := b.Copy(t.Context(), source, "to", opts)
	backendtest.WantClass(t, err, backend.Denied)
	remove()
	if _, err := b.Stat(t.Context(), "to"); !backend.IsAbsent(err) {
		t.Errorf("copied all the same: %v", err)
	}
	b.Add(fault.Rule{Op: fault.Copy, Key: func(k string) bool { return k == "to" }, Lose: true})
	_, err = b.Copy(t.Context(), source, "to", opts)
	backendtest.WantClass(t, err, backend.Transient)
	if _, err := b.Stat(t.Context(), "to"); err != nil {
		t.Errorf("the copy was not carried out: %v", err)
	}
	if n := b.Calls(fault.Copy); n != 2 {
		t.Errorf("%d copies counted", n)
	}
	without := fault.New(struct{ backend.Backend }{mem.New()})
	_, err = without.Copy(t.Context(), source, "to", opts)
	backendtest.WantClass(t, err, backend.Invalid)
}

func TestBodies(t *testing.T) {
	b := fault.New(mem.New())
	backendtest.Put(t, b, "k", []byte("Body of a file"))

	remove := b.Add(fault.Rule{Op: fault.Get, FlipByte: true})
	if got := backendtest.Get(t, b, "k", 0, -1); string(got) != "body of a file" {
		t.Errorf("flipped: %q", got)
	}
	remove()

	b.Add(fault.Rule{Op: fault.Get, Short: 5})
	r, err := b.Get(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	backendtest.WantClass(t, err, backend.Transient)
	if string(got) != "Body of a" {
		t.Errorf("short: %q", got)
	}
}

func TestCutList(t *testing.T) {
	b := fault.New(mem.New())
	for _, k := range []string{"a", "b", "c"} {
		backendtest.Put(t, b, k, nil)
	}
	b.Add(fault.Rule{Op: fault.List, CutListAt: 2})
	n := 0
	err := b.List(t.Context(), "", "", func(backend.Object) error { n++; return nil })
	backendtest.WantClass(t, err, backend.Transient)
	if n != 2 {
		t.Errorf("%d objects before the error", n)
	}
}

func TestHangUntilContextEnds(t *testing.T) {
	b := fault.New(mem.New())
	entered := make(chan struct{})
	b.Add(fault.Rule{Op: fault.Get, Hang: true, Before: func() { close(entered) }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Get(ctx, "k", 0, -1)
		done <- err
	}()
	<-entered
	cancel()
	backendtest.WantClass(t, <-done, backend.Canceled)
}

func TestDelayEndsWithContext(t *testing.T) {
	b := fault.New(mem.New())
	b.Add(fault.Rule{Op: fault.Stat, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := b.Stat(ctx, "k")
	backendtest.WantClass(t, err, backend.Transient)
}

func TestChangeWhileInUse(t *testing.T) {
	b := fault.New(mem.New())
	backendtest.Put(t, b, "k", nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				remove := b.Add(fault.Rule{Op: fault.Stat, Times: 1, Fail: true, Class: backend.Denied})
				if _, err := b.Stat(t.Context(), "k"); err != nil && backend.ClassOf(err) != backend.Denied {
					t.Error(err)
				}
				remove()
			}
		})
	}
	wg.Wait()
	if n := b.Calls(fault.Stat); n != 800 {
		t.Errorf("%d calls counted, want 800", n)
	}
}
