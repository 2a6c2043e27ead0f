// Package fault is a backend that fails on purpose: a decorator that passes calls
// on to another backend and applies rules to some of them. Rules may be added and
// removed while calls are running. It is imported by tests only.
package fault
