package message

import "unsafe"

// Bodies are up to 1 MiB, and many are held at once: what is read of one is a
// view of it, not a copy. Nothing in this package writes into a view, nor does
// jsontext, which reads a *bytes.Buffer in place and leaves it as it is.

// bytesOf is a view of a text's bytes. They must not be written to.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// textOf is a view of bytes, which must not change while it is used. It keeps
// the whole of the body alive: what outlives the message needs a copy.
func textOf(raw []byte) string { return unsafe.String(unsafe.SliceData(raw), len(raw)) }
