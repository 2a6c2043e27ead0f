package s3

import (
	"context"
	"crypto/md5" // not for security: what ETags usually are
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"contentfs/backend"
)

const probeName = ".contentfs-probe"

// probeBody is constant, so that it does not matter who wrote it last.
const probeBody = "This object was written by contentfs to learn what this store can do.\n"

// Probe implements backend.Prober with the object <prefix>/.contentfs-probe. It
// must not run beside other methods that write.
func (s *Store) Probe(ctx context.Context, prefix string) (backend.Capabilities, error) {
	key := probeName
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		key = prefix + "/" + probeName
	}
	able, err := s.probe(ctx, key)
	if err != nil {
		return backend.Capabilities{}, err
	}
	s.abilities.Store(&able)
	return backend.Capabilities{ConditionalPut: able.conditional, Checksums: able.checksums}, nil
}

// probe tries the whole contract first, then without one part, then without both.
func (s *Store) probe(ctx context.Context, key string) (able abilities, err error) {
	for _, able = range []abilities{
		{conditional: true, checksums: true},
		{conditional: true, checksums: false},
		{conditional: false, checksums: true},
		{conditional: false, checksums: false},
	} {
		if able, err = s.tryAbilities(ctx, key, able); err == nil || !refusesHeader(err) {
			return able, err
		}
	}
	return able, err
}

// tryAbilities writes the probe's object and returns which of the abilities the
// store turned out to have.
func (s *Store) tryAbilities(ctx context.Context, key string, able abilities) (abilities, error) {
	echo, err := s.putProbe(ctx, key, &able)
	if err == nil && able.conditional {
		_, again := s.putProbe(ctx, key, &able)
		if again == nil {
			able.conditional = false // it was ignored
		} else {
			err = again
		}
	}
	if err != nil {
		if !able.conditional || backend.ClassOf(err) != backend.Exists {
			return able, err
		}
		if echo, err = s.headProbe(ctx, key, &able); err != nil {
			return able, err
		}
	}
	// A store that verified the checksum tells it; one that ignored it does not.
	able.checksums = able.checksums && echo
	return able, nil
}

// putProbe writes the object once. It reports whether the store told its SHA-256,
// and notes in able whether its ETag is an MD5.
func (s *Store) putProbe(ctx context.Context, key string, able *abilities) (echo bool, err error) {
	body := strings.NewReader(probeBody)
	opts := backend.PutOptions{
		SHA256:      sha256.Sum256([]byte(probeBody)),
		IfAbsent:    true,
		ContentType: "text/plain",
	}
	out, _, err := s.putWhole(ctx, key, body, body.Size(), opts, *able)
	if err != nil {
		return false, err
	}
	able.md5ETag = unquote(out.ETag) == probeMD5()
	return out.ChecksumSHA256 != nil, nil
}

// headProbe learns from the object of an earlier write what putProbe learns.
func (s *Store) headProbe(ctx context.Context, key string, able *abilities) (echo bool, err error) {
	out, err := s.head(ctx, "probe", key)
	if err != nil {
		return false, err
	}
	able.md5ETag = unquote(out.ETag) == probeMD5()
	return out.ChecksumSHA256 != nil, nil
}

func probeMD5() string { return fmt.Sprintf("%x", md5.Sum([]byte(probeBody))) }

// refusesHeader reports whether err is a store's way to say that it does not know
// a header of the request.
func refusesHeader(err error) bool {
	var e *backend.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "NotImplemented", "InvalidArgument", "InvalidRequest":
		return true
	}
	return false
}
