package main_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/cmd/contentfs/internal/workload"
)

// TestSequences cuts the power after every sequence of one, of two and of three
// operations on three names, then after random ones of four, and looks whether the
// tree is one of those that may be left. A short run takes a sample of them.
func TestSequences(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a loop device")
	}
	b := newBout(t, 20, 1)
	disk := life.NewDisk(t, life.Ext4, life.DiskSize)
	v := start(t)
	v.State = disk.Path
	v.Gateway.Stop()
	v.Log.Expect("the store is away", "released a mount point whose process was gone", "recovered after a crash", "kept in the quarantine")
	one, two, three := workload.Sequences(1), workload.Sequences(2), workload.Sequences(3)
	shuffle(b, three)
	every := slices.Concat(one, two, three)
	if !b.long() {
		shuffle(b, every)
	}
	next := func() workload.Sequence {
		if b.done < len(every) {
			return every[b.done]
		}
		return workload.RandomSequence(4, b.rng.IntN)
	}
	var p *workload.Play
	check := func() {
		v.Mount()
		if p == nil {
			return
		}
		if err := errors.Join(p.Verify(), os.RemoveAll(p.Dir)); err != nil {
			t.Error(err)
		}
	}
	for b.more() {
		check()
		var err error
		if p, err = workload.Prepare(v.Join(fmt.Sprintf("s%d", b.done)), next()); err == nil {
			err = p.Run()
		}
		if err != nil {
			t.Error(err)
		}
		judge := v.Log.Forgive()
		if err := disk.Cut(); err != nil {
			t.Fatal(err)
		}
		v.Kill()
		v.ReapAny()
		p.Abandon()
		v.Release()
		disk.Restore()
		judge()
		b.done++
	}
	check()
	t.Logf("%d power cuts in %v; there are %d sequences of one operation, %d of two, %d of three; lost: %v",
		b.done, time.Since(b.began).Round(time.Second), len(one), len(two), len(three), t.Failed())
	if b.done == 0 {
		t.Error("there was no cut: the loop tested nothing")
	}
}

func shuffle(b *bout, list []workload.Sequence) {
	b.rng.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
}
