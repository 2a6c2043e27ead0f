// Package audit compares what is on record with what is there: metadata, local
// files, objects. It only reads; what differs is reported in sentences, and
// nothing is concluded from what could not be read.
package audit
