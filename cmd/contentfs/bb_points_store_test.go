package main_test

import (
	"fmt"
	"path/filepath"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/fs/crash"
)

// uploadAct: the way to S3, to another key, and the end of a mount.
func uploadAct() act {
	move := func(s *theatre) []string {
		s.n++
		return s.line("move", "--all", "--to-prefix", fmt.Sprintf("%s/moved%d", life.Prefix, s.n))
	}
	forgotten := func(s *theatre) error {
		if err := killed(crash.UploadAnnounced, func(s *theatre) error { return all(s.add, s.drain) })(s); err != nil {
			return err
		}
		path := fmt.Sprintf("%s/f%03d.jpg", dir, s.n-1) // the file before its text
		return s.away(func() error { return s.unlink(path) })
	}
	below := func(s *theatre) error {
		return s.once(func() error { return s.put("m/a/b.jpg", s.text(100)) })
	}
	return act{name: "upload", chained: true, prepare: filled(5), scenes: []scene{
		{point: crash.UploadHashed, do: addAndEnd},
		{point: crash.UploadAnnounced, do: addAndEnd},
		{point: crash.UploadSent, do: addAndEnd},
		{point: crash.UploadDelivered, cut: true, do: addAndEnd},
		{point: crash.UploadCopied, do: func(s *theatre) error {
			path, err := s.stored()
			return all(func() error { return err }, func() error { return s.put(s.fresh(), s.state[path]) }, s.drain)
		}},
		{point: crash.UploadFound, before: killed(crash.UploadSent, addAndEnd), do: (*theatre).drain},
		{point: crash.CancelDiscarded, before: forgotten},
		{point: crash.CancelRecorded, before: forgotten},
		{point: crash.RekeyLost, do: func(s *theatre) error {
			path, err := s.stored()
			return all(func() error { return err }, func() error { return s.rename(path, s.fresh()) })
		}},
		{point: crash.RekeyAnnounced, command: move},
		{point: crash.RekeyCopied, command: move},
		{point: crash.RekeySwitched, cut: true, command: move},
		{point: crash.EndDrained, do: addAndEnd},
		{point: crash.EndUnmounted, do: addAndEnd},
		{point: crash.EndStopped, do: addAndEnd},
		{point: crash.DatabaseEnding, do: addAndEnd},
		{point: crash.DatabaseEmpty, do: addAndEnd},
		{point: crash.MarkEnded, cut: true, do: addAndEnd},
		{point: crash.FollowSent, before: below, do: renamedDir},
		{point: crash.FollowDone, before: below, do: renamedDir},
	}}
}

// partsAct: uploads in parts, which takes more than 64 MiB.
func partsAct() act {
	const size = 65 << 20
	large := func(s *theatre) error {
		return all(func() error { return s.put("u1/file/large.bin", s.text(size)) }, s.drain)
	}
	// none shows that parts that were sent are discarded: but for those of an upload that
	// was made a moment before and is on record nowhere, which a rule of the bucket removes.
	none := func(s *theatre) {
		left, err := filepath.Glob(filepath.Join(s.Gateway.Dir, life.Bucket, ".sgwtmp/multipart/*/*"))
		if made := s.struck[crash.MultipartMade]; err != nil || len(left) > made {
			s.T.Errorf("%d uploads in parts are left, and %d are not on record: %v", len(left), made, err)
		}
	}
	return act{name: "parts", chained: true, end: none, scenes: []scene{
		{point: crash.MultipartMade, do: large},
		{point: crash.MultipartKnown, cut: true, do: large},
		{point: crash.MultipartPart, cut: true, pass: 2, do: large},
		{point: crash.MultipartSent, do: large},
		{point: crash.MultipartDone, do: large},
		{point: crash.UploadAborted, before: killed(crash.MultipartPart, large), do: (*theatre).drain},
	}}
}

// fetchAct: content that is not on this server comes, and goes again.
func fetchAct() act {
	large := func(s *theatre) error { return s.read("u1/file/large.bin") }
	one := func(s *theatre) error { return s.read(s.any()) }
	return act{name: "fetch",
		prepare: func(s *theatre) error {
			err := s.once(func() error {
				return all(s.add, s.add, func() error { return s.put("u1/file/large.bin", s.text(9<<20)) })
			})
			s.wipe()
			return err
		},
		scenes: []scene{
			{point: crash.FetchFilled, before: wiped, do: one},
			{point: crash.FetchSynced, before: wiped, do: one},
			{point: crash.FetchAttached, cut: true, before: wiped, do: one},
			{point: crash.StreamBlock, pass: 2, before: wiped, do: large},
			{point: crash.StreamWhole, before: wiped, do: large},
			{point: crash.EvictGivenUp, cut: true, options: []string{"--cache-size", "1K"}, do: func(s *theatre) error {
				for range 20 { // each of which, once it is in S3, is more than there is room for
					if err := s.add(); err != nil {
						return err
					}
				}
				return nil
			}},
		}}
}
