// Package awserror tells what AWS's errors are about: who refused, and what a person
// must change. There is one table of codes and advice (table.go), for the worker's log,
// its readiness and the doctor.
package awserror

// RefusesCredentials reports whether code says that the caller's credentials,
// signature or clock are not accepted, whatever was asked.
func RefusesCredentials(code string) bool {
	return Cause{Code: Short(code)}.entry().kind == BadCredentials
}
