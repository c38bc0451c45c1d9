package mailbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/printable"
	"managed-thing-updater/internal/sqswire"
)

// saved is a letter as a line of a file.
type saved struct {
	ID              string                       `json:"messageId"`
	SentAt          time.Time                    `json:"sentAt"`
	Receives        int                          `json:"receives"`
	GroupID         string                       `json:"groupId,omitempty"`
	DeduplicationID string                       `json:"deduplicationId,omitempty"`
	SequenceNumber  string                       `json:"sequenceNumber,omitempty"`
	TraceHeader     string                       `json:"traceHeader,omitempty"`
	Source          string                       `json:"source,omitempty"`
	Attributes      map[string]message.Attribute `json:"attributes,omitempty"`
	Body            string                       `json:"body"`
}

// Writer saves letters to a file of JSON Lines: bodies with everything in them.
type Writer struct {
	file *os.File
	out  *bufio.Writer
	json *json.Encoder
	n    int
}

// Create makes the file, for its owner's eyes only. One that exists is left alone.
func Create(path string) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("%s exists already; name a new file", path)
		}
		return nil, err
	}
	w := &Writer{file: file, out: bufio.NewWriter(file)}
	w.json = json.NewEncoder(w.out)
	w.json.SetEscapeHTML(false)
	return w, nil
}

// Write saves a letter. It is on the disk when Close has returned nil.
func (w *Writer) Write(l *Letter) error {
	m := l.Message
	w.n++
	return w.json.Encode(saved{
		ID: m.ID, SentAt: m.SentAt.UTC(), Receives: m.Receives, GroupID: m.GroupID, DeduplicationID: l.DeduplicationID,
		SequenceNumber: m.SequenceNumber, TraceHeader: m.TraceHeader, Source: l.Source, Attributes: m.Attributes, Body: m.Body,
	})
}

// Letters is how many were saved.
func (w *Writer) Letters() int { return w.n }

// Close writes what is left to the disk.
func (w *Writer) Close() error {
	return errors.Join(w.out.Flush(), w.file.Sync(), w.file.Close())
}

// maxLine bounds a line: a body of 1 MiB each of whose characters is escaped, and
// then some.
const maxLine = 8 << 20

// File reads letters that a Writer saved.
type File struct {
	path    string
	file    *os.File
	lines   *bufio.Scanner
	line    int
	letters int
}

// OpenFile reads the whole file once, so that what is wrong in it is known before
// the first letter of it is sent; the error names every such line, up to 20.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	if err := f.rewind(); err != nil {
		return nil, err
	}
	var wrong []error
	for {
		_, err := f.read()
		if err == io.EOF {
			break
		}
		if err != nil {
			if wrong = append(wrong, err); len(wrong) == 20 {
				break
			}
			continue
		}
		f.letters++
	}
	err := errors.Join(wrong...)
	if err == nil && f.letters == 0 {
		err = fmt.Errorf("%s holds no letter", path)
	}
	if err == nil {
		err = f.rewind()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *File) rewind() error {
	if f.file != nil {
		_ = f.file.Close()
	}
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	f.file, f.line, f.lines = file, 0, bufio.NewScanner(file)
	f.lines.Buffer(nil, maxLine)
	return nil
}

// read returns the next letter; io.EOF behind the last.
func (f *File) read() (*Letter, error) {
	for f.lines.Scan() {
		f.line++
		text := f.lines.Bytes()
		if strings.TrimSpace(string(text)) == "" {
			continue
		}
		var s saved
		err := jsonv2.Unmarshal(text, &s, jsonv2.RejectUnknownMembers(true))
		if err == nil {
			err = s.check()
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", f.path, f.line, err)
		}
		return s.letter(), nil
	}
	if err := f.lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", f.path, f.line+1, err)
	}
	return nil, io.EOF
}

// check holds a line against what SQS takes.
func (s saved) check() error {
	switch {
	case s.ID == "":
		return errors.New("messageId: it is missing")
	case s.Body == "":
		return errors.New("body: it is missing, or empty")
	case s.SentAt.IsZero():
		return errors.New("sentAt: it is missing")
	}
	for name, a := range s.Attributes {
		binary := strings.HasPrefix(a.DataType, "Binary")
		if a.DataType == "" || binary != (len(a.BinaryValue) > 0) || binary == (a.StringValue != "") {
			return fmt.Errorf("attributes: %s: it has a type, and string or, where its type is Binary, binary", printable.Line(name))
		}
	}
	if n := sqswire.Size(s.letter().Message); n > sqswire.MaxBytes {
		return fmt.Errorf("it has %d bytes; SQS takes %d", n, sqswire.MaxBytes)
	}
	return nil
}

func (s saved) letter() *Letter {
	l := &Letter{DeduplicationID: s.DeduplicationID, Source: s.Source, Message: message.Incoming{
		ID: s.ID, Body: s.Body, SentAt: s.SentAt, SequenceNumber: s.SequenceNumber, GroupID: s.GroupID,
		Receives: s.Receives, Attributes: s.Attributes, TraceHeader: s.TraceHeader,
	}}
	l.read()
	return l
}

// Letters is how many letters the file has.
func (f *File) Letters() int { return f.letters }

// Next returns up to 10 letters; io.EOF behind the last. It does not wait.
func (f *File) Next(context.Context, time.Duration) ([]*Letter, error) {
	var letters []*Letter
	for len(letters) < sqswire.MaxEntries {
		l, err := f.read()
		if err == io.EOF && len(letters) > 0 {
			break
		}
		if err != nil {
			return letters, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// Holds is always true: a file takes nothing away from anybody.
func (f *File) Holds(*Letter) bool { return true }

// Delete does nothing: the file stays as it is.
func (f *File) Delete(_ context.Context, letters []*Letter) []error {
	return make([]error, len(letters))
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
