package backendtest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// Reply answers a request in place of the real server, which is next.
type Reply func(w http.ResponseWriter, r *http.Request, next http.Handler)

// FaultServer is a handler in front of a server that misbehaves by script. It may
// be changed while it serves.
type FaultServer struct {
	next http.Handler

	mu    sync.Mutex // guards what follows
	rules []*faultRule
	seen  map[string]int // requests by method

	struck int // requests that a rule answered
}

type faultRule struct {
	match func(*http.Request) bool
	times int // left; negative means for ever
	reply Reply
}

// NewFaultServer returns a server that answers like next until it is told
// otherwise.
func NewFaultServer(next http.Handler) *FaultServer {
	return &FaultServer{next: next, seen: map[string]int{}}
}

// Script lets the next requests that match get reply: as many as times says, or
// all of them when it is negative. A nil match means every request. The rule
// scripted first wins.
func (s *FaultServer) Script(match func(*http.Request) bool, times int, reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &faultRule{match: match, times: times, reply: reply})
}

// Struck returns how many requests were answered by script since Clear.
func (s *FaultServer) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// Clear drops all rules and counts.
func (s *FaultServer) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules, s.seen, s.struck = nil, map[string]int{}, 0
}

// Seen returns how many requests with this method came since Clear.
func (s *FaultServer) Seen(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[method]
}

// ServeHTTP implements http.Handler.
func (s *FaultServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if reply := s.pick(r); reply != nil {
		reply(w, r, s.next)
		return
	}
	s.next.ServeHTTP(w, r)
}

func (s *FaultServer) pick(r *http.Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[r.Method]++
	for _, rule := range s.rules {
		if rule.times == 0 || rule.match != nil && !rule.match(r) {
			continue
		}
		if rule.times > 0 {
			rule.times--
		}
		s.struck++
		return rule.reply
	}
	return nil
}

// Method matches requests by method, and by the query parameters named.
func Method(method string, params ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, p := range params {
			if !r.URL.Query().Has(p) {
				return false
			}
		}
		return r.Method == method
	}
}

// ErrorReply answers with an S3 error. With status 200 it is the error in a
// success that CompleteMultipartUpload may give.
func ErrorReply(status int, code, message string, header ...string) Reply {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the client gets to read the answer
		w.Header().Set("Content-Type", "application/xml")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		if r.Method != http.MethodHead && code != "" {
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>`, code, message)
		}
	}
}

// LostReply lets the server do the work and breaks the connection instead of
// telling.
func LostReply(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// ErrorAfterSuccess lets the server do the work and answers 500.
func ErrorAfterSuccess(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	ErrorReply(http.StatusInternalServerError, "InternalError", "We encountered an internal error.")(w, r, next)
}

// Edit lets the server answer and changes header and body on the way.
func Edit(change func(header http.Header, body []byte) []byte) Reply {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		header := rec.Header()
		body := change(header, rec.Body.Bytes())
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	}
}

// DropHeader removes headers of the answer whose names begin so.
func DropHeader(prefixes ...string) Reply {
	return Edit(func(h http.Header, body []byte) []byte {
		for name := range h {
			for _, p := range prefixes {
				if strings.HasPrefix(strings.ToLower(name), strings.ToLower(p)) {
					h.Del(name)
				}
			}
		}
		return body
	})
}

// ShortBody delivers all but the last n bytes and claims that this is all.
func ShortBody(n int) Reply {
	return Edit(func(h http.Header, body []byte) []byte {
		body = body[:max(0, len(body)-n)]
		h.Set("Content-Length", strconv.Itoa(len(body)))
		return body
	})
}

// FlipByte delivers the body with one byte changed.
func FlipByte(i int) Reply {
	return Edit(func(_ http.Header, body []byte) []byte {
		if i < len(body) {
			body[i] ^= 0x20
		}
		return body
	})
}

// ResetRequest takes n bytes of what is sent and breaks the connection.
func ResetRequest(n int64) Reply {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.CopyN(io.Discard, r.Body, n)
		panic(http.ErrAbortHandler)
	}
}

// RawReply takes the request and sends these bytes, whatever they are, as the answer.
func RawReply(text string) Reply {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// ResetBody delivers n bytes of the body and breaks the connection.
func ResetBody(n int) Reply {
	return cutBody(n, func(*http.Request) { panic(http.ErrAbortHandler) })
}

// StallBody delivers n bytes of the body and then nothing, until the client goes.
func StallBody(n int) Reply {
	return cutBody(n, func(r *http.Request) { <-r.Context().Done() })
}

// Stall answers nothing, until the client goes.
func Stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that goes only then
	<-r.Context().Done()
}

// cutBody delivers n bytes of the body. Of an answer that has not more than that, or
// none at all, nothing is delivered: it would be whole, and nobody would go.
func cutBody(n int, then func(*http.Request)) Reply {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if r.Method == http.MethodHead || rec.Body.Len() <= n {
			then(r)
			return
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:n])
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(http.ErrAbortHandler)
		}
		then(r)
	}
}
