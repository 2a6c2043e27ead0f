// Package backend is the contract between contentfs and the places where
// objects are kept: S3, a directory, memory. It holds the vocabulary only; the
// drivers live in the folders below it, and backendtest holds the suite that
// each of them passes.
//
// # Contract
//
// An object is written whole or not at all: a reader never sees a part of it,
// and a Put that returned an error may or may not have stored the object, but
// never a piece of it. Keys are valid UTF-8 of 1 to 1,024 bytes; "/" has no
// meaning to the contract.
//
// With PutOptions.IfAbsent an existing object is never replaced: Put fails with
// class Exists. Whether the object that is there is the one that was sent is for
// the caller to find out with Stat; Put does not guess.
//
// Bytes are checked on the way: a driver that knows a checksum of what it sends
// or receives compares it and answers class Corrupt on a mismatch.
//
// # Abilities
//
// What not every store can do is an interface of its own, which a driver meets or
// not: MultipartAborter, UploadLister, Prober, Linker, Copier, Signer. A decorator meets them
// all and answers class Invalid, or nothing, where the driver behind it does not.
//
// # Errors
//
// Every error that a driver returns wraps exactly one *Error, and its Class says
// what the caller may conclude. Only Absent means that the object is not there;
// "cannot tell" is Transient. Message texts are for people.
//
// All methods may be called from many goroutines and honour their context. A
// driver retries little by itself (a few attempts within seconds); waiting long
// is the upload queue's work.
package backend
