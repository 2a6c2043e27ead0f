// Package driver holds what every driver of the backend contract does in the
// same way: refusing arguments the contract does not allow, fitting a range to
// an object, and checking bytes on their way out. It keeps no state.
package driver
