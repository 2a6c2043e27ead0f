package snapshot

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/meta"
)

const (
	folder    = "/snapshot/" // behind the volume's id
	extension = ".gz"
	digits    = 16 // of a sequence
)

// Snapshot is a copy in the bucket, as its key describes it.
type Snapshot struct {
	Key      string
	Volume   string         // the volume's id
	Sequence meta.VersionID // versions with later ids are not in it
	SHA256   [32]byte       // of the object
	Size     int64          // of the object, as listed
}

// Time is when the copy was taken, by the clock of the server that took it.
func (s *Snapshot) Time() time.Time { return time.UnixMicro(int64(s.Sequence)).UTC() }

// Key returns the key of a copy. The prefix has no slashes around it.
func Key(prefix, volume string, sequence meta.VersionID, sum [32]byte) string {
	return below(prefix) + volume + folder + fmt.Sprintf("%0*x-%x", digits, int64(sequence), sum) + extension
}

func below(prefix string) string {
	if prefix == "" {
		return content.Reserved
	}
	return prefix + "/" + content.Reserved
}

// ParseKey is the reverse of Key with the same prefix: it accepts what Key makes, byte
// for byte, and reports false for everything else.
func ParseKey(prefix, key string) (s Snapshot, ok bool) {
	name, ok := strings.CutPrefix(key, below(prefix))
	if !ok {
		return s, false
	}
	volume, name, ok := strings.Cut(name, folder)
	if !ok || !content.IsVolumeID(volume) {
		return s, false
	}
	sequence, sum, ok := strings.Cut(strings.TrimSuffix(name, extension), "-")
	if !ok {
		return s, false
	}
	n, err := strconv.ParseInt(sequence, 16, 64)
	b, errSum := hex.DecodeString(sum)
	if err != nil || errSum != nil || n <= 0 || len(b) != len(s.SHA256) {
		return s, false
	}
	s = Snapshot{Key: key, Volume: volume, Sequence: meta.VersionID(n), SHA256: [32]byte(b)}
	return s, Key(prefix, volume, s.Sequence, s.SHA256) == key
}

// List returns the copies below a prefix, of all volumes, the newest first.
func List(ctx context.Context, b backend.Backend, prefix string) ([]Snapshot, error) {
	var list []Snapshot
	err := b.List(ctx, below(prefix), "", func(o backend.Object) error {
		if s, ok := ParseKey(prefix, o.Key); ok {
			s.Size = o.Size
			list = append(list, s)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list copies of the metadata: %w", err)
	}
	slices.SortFunc(list, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), strings.Compare(b.Key, a.Key))
	})
	return list, nil
}
