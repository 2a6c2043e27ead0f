package content

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/policy"
	"contentfs/meta"
)

// Destination is where a queued version goes next.
type Destination int

const (
	// ToS3: Outgoing hands it out.
	ToS3 Destination = iota
	// ToFallback: Settle takes it there.
	ToFallback
	// ToKey: Rekey copies it within S3.
	ToKey
	// Stay: it is kept on this server for now, which is on record by then.
	Stay
)

// offloadSetting is the volume's setting that holds the switch.
const offloadSetting = "offload"

const (
	// heldFor is how long what rules keep here is left alone before they are asked
	// again: a directory above may have got another name.
	heldFor = 10 * time.Minute
	// switchedOffFor is the same while there is no fallback to go to.
	switchedOffFor = time.Minute
)

// Offloading reports whether new versions go to S3. It is a fact in the metadata, so
// that a command can change it on a live mount, and it outlives the mount.
func (e *Engine) Offloading() (bool, error) {
	s, err := e.Meta.Setting(offloadSetting)
	if gone(err) {
		return !e.OffloadOff, nil
	}
	return s != "off", err
}

// SetOffloading throws the switch. What is held is decided anew.
func SetOffloading(m *meta.Store, on bool) error {
	value := "off"
	if on {
		value = "on"
	}
	if err := m.SetSetting(offloadSetting, value); err != nil {
		return err
	}
	crash.Here(crash.SwitchThrown)
	if on {
		if err := SetPlain(m, false); err != nil {
			return err
		}
	}
	return m.Reconsider(now())
}

// Destination says where a queued version goes. ErrSettled if it is not wanted any
// more.
func (e *Engine) Destination(id meta.VersionID) (Destination, error) {
	u, err := e.Meta.QueueEntry(id)
	if gone(err) {
		return 0, ErrSettled
	}
	if err != nil {
		return 0, err
	}
	switch u.Goal {
	case meta.GoalS3:
		return ToS3, nil
	case meta.GoalFallback:
		if e.Fallback == nil {
			return 0, fmt.Errorf("version %d: %w", id, ErrNoFallback)
		}
		return ToFallback, nil
	case meta.GoalKey:
		return ToKey, nil
	case meta.GoalRules:
		return e.decide(id)
	}
	return 0, fmt.Errorf("version %d in the queue has goal %d, which is not known", id, u.Goal)
}

// ErrNoFallback: the volume has no fallback directory.
var ErrNoFallback = errors.New("the volume has no fallback directory")

// decide asks switch and rules.
func (e *Engine) decide(id meta.VersionID) (Destination, error) {
	v, err := e.Meta.Version(id)
	if gone(err) {
		return 0, ErrSettled
	}
	if err != nil {
		return 0, err
	}
	if v.Remote == meta.Sending {
		return ToS3, nil // an object may be there: that is settled first
	}
	on, err := e.Offloading()
	if err != nil {
		return 0, err
	}
	path, err := e.Meta.Path(v.Ino)
	if gone(err) {
		return 0, ErrSettled
	}
	if err != nil {
		return 0, err
	}
	d := e.Policy.Decide(PolicyFile(path, v.Size, v.Mtime), time.Now())
	hold := func(why string, due int64) error { return e.hold(id, path, why, due) }
	switch {
	case d.Place == policy.Here:
		due := now() + int64(heldFor)
		if !d.After.IsZero() {
			due = min(due, d.After.UnixNano())
		}
		return Stay, hold("rule "+d.Rule, due)
	case on && d.Place == policy.S3:
		return ToS3, nil
	case e.Fallback != nil:
		return ToFallback, nil
	case on:
		return Stay, hold("rule "+d.Rule+" wants the fallback, and there is none", now()+int64(heldFor))
	}
	return Stay, hold("offloading is switched off, and there is no fallback", now()+int64(switchedOffFor))
}

// hold keeps a version here by what was decided about a path. A file that got another
// name meanwhile is decided anew.
func (e *Engine) hold(id meta.VersionID, path []byte, why string, due int64) error {
	err := e.Meta.Hold(id, path, why, due)
	switch {
	case gone(err):
		return ErrSettled
	case errors.Is(err, meta.ErrSuperseded):
		return ErrBusy
	}
	return err
}

// PolicyFile describes a file as rules see it. The media type is that of its name.
func PolicyFile(path []byte, size, mtime int64) policy.File {
	f := policy.File{Path: path, Name: baseName(path), Size: size, Modified: time.Unix(0, mtime)}
	if a, ok := ParseAddress(path); ok {
		f.UID, f.Field, f.Scale = a.UID, a.Field, a.Scale
		f.Addressed, f.Scaled = true, a.Scaled
	}
	f.Type = ContentType(f.Name, nil)
	return f
}

// prefixOf is the prefix that a rule's own goes below.
func (e *Engine) prefixOf(d *policy.Decision) string {
	return strings.Trim(e.Prefix+"/"+strings.Trim(d.Prefix, "/"), "/")
}

// applyRule gives an upload what a rule says about it.
func applyRule(o *backend.PutOptions, d *policy.Decision) {
	o.CacheControl = CacheControl
	if d.Private {
		// Nobody but the visitor who got the address may keep it.
		o.CacheControl = "private, max-age=31536000, immutable"
	}
	if d.CacheControl != "" {
		o.CacheControl = d.CacheControl
	}
	o.StorageClass, o.ACL = d.StorageClass, d.ACL
}
