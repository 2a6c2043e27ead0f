package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	maxRequest = 4 << 10 // bytes of a request line, its end included
	maxReply   = 1 << 20 // bytes of a reply line that a client accepts

	maxConcurrent = 32 // connections served at once
)

// timing bounds the waits of both ends.
type timing struct {
	request time.Duration // for the whole request to arrive
	reply   time.Duration // for a client to take one line
	beat    time.Duration // between signs of life of a long request
	silence time.Duration // a server that is silent for longer is taken for dead
	closing time.Duration // for the requests under way when the server stops
}

// usual are the waits of package documentation.
func usual() timing {
	return timing{
		request: 5 * time.Second,
		reply:   10 * time.Second,
		beat:    5 * time.Second,
		silence: 30 * time.Second,
		closing: 10 * time.Second,
	}
}

// A verb names what a request asks for.
type verb string

const (
	verbStatus  verb = "status"
	verbDrain   verb = "drain"
	verbWake    verb = "wake"
	verbUnmount verb = "unmount"
)

// request is the one line that a client sends.
type request struct {
	Verb  verb `json:"verb"`
	Drain bool `json:"drain,omitempty"` // of unmount only
}

// reply is one line of the server. Exactly one member is set.
type reply struct {
	Progress *Progress `json:"progress,omitempty"`
	Status   *Status   `json:"status,omitempty"`
	Result   *Result   `json:"result,omitempty"`
	Done     bool      `json:"done,omitempty"`
	Error    *Error    `json:"error,omitempty"`
}

// Code says what kind of failure an Error is.
type Code string

const (
	// Denied: the caller is neither root nor the user of the daemon.
	Denied Code = "denied"
	// BadRequest: the request could not be understood.
	BadRequest Code = "bad-request"
	// Canceled: the request was given up, by the client or because the volume
	// is being closed.
	Canceled Code = "canceled"
	// Failed: the volume tried and could not.
	Failed Code = "failed"
	// Internal: the daemon has a defect; its log says more.
	Internal Code = "internal"
)

// Error is a failure that the daemon reported.
type Error struct {
	Code Code   `json:"code"`
	Text string `json:"text"`
}

// Error returns the daemon's text.
func (e *Error) Error() string { return e.Text }

// parseRequest reads a request from a line without its end. Whatever the bytes
// are, it returns a request that can be carried out or an error.
func parseRequest(line []byte) (request, error) {
	var r request
	if len(line) >= maxRequest {
		return request{}, fmt.Errorf("request is longer than %d bytes", maxRequest)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return request{}, fmt.Errorf("request is not understood: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return request{}, errors.New("request has more than one value")
	}
	switch r.Verb {
	case verbStatus, verbDrain, verbWake:
		if r.Drain {
			return request{}, fmt.Errorf("%s takes no options", r.Verb)
		}
	case verbUnmount:
	default:
		return request{}, fmt.Errorf("unknown verb %.40q", string(r.Verb))
	}
	return r, nil
}
