package telemetry

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/printable"
)

// NewLogger makes a logger that writes one entry a line to w.
//
// level is debug, info, warn or error; the AtomicLevel changes it while the
// worker runs. format is json (ts in RFC 3339, UTC, with milliseconds; level;
// msg; then the fields, durations as "1.5s") or console, for people. What a
// terminal would act upon is escaped in both. Stack traces come with panics only.
func NewLogger(level, format string, w io.Writer) (*zap.Logger, zap.AtomicLevel, error) {
	atomic, err := zap.ParseAtomicLevel(level)
	if err != nil {
		return nil, zap.AtomicLevel{}, fmt.Errorf("log level %q: must be debug, info, warn or error", level)
	}
	encoder, err := newEncoder(format)
	if err != nil {
		return nil, zap.AtomicLevel{}, err
	}
	out := zapcore.Lock(zapcore.AddSync(w))
	log := zap.New(zapcore.NewCore(encoder, out, atomic), zap.AddStacktrace(zapcore.DPanicLevel), zap.ErrorOutput(out))
	return log, atomic, nil
}

// DroppedLine makes the lines of a LogWriter, in a log's format, that say how many
// are missing.
func DroppedLine(format string) (func(dropped int) []byte, error) {
	encoder, err := newEncoder(format)
	if err != nil {
		return nil, err
	}
	return func(dropped int) []byte {
		entry := zapcore.Entry{Level: zapcore.WarnLevel, Time: time.Now(), Message: "log lines were dropped before this one: whatever reads the log did not keep up"}
		line, err := encoder.EncodeEntry(entry, []zapcore.Field{Count(dropped)})
		if err != nil {
			return nil // unreachable: a number can always be encoded
		}
		return line.Bytes()
	}, nil
}

func newEncoder(format string) (zapcore.Encoder, error) {
	encoding := zapcore.EncoderConfig{
		TimeKey: "ts", LevelKey: "level", MessageKey: "msg", NameKey: "logger", StacktraceKey: "stack",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeDuration: zapcore.StringDurationEncoder,
	}
	switch format {
	case "json":
		encoding.EncodeTime = func(t time.Time, out zapcore.PrimitiveArrayEncoder) {
			out.AppendString(t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
		}
		encoding.EncodeLevel = zapcore.LowercaseLevelEncoder
		return escaping{zapcore.NewJSONEncoder(encoding), false}, nil
	case "console":
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoding.ConsoleSeparator = "  "
		return escaping{zapcore.NewConsoleEncoder(encoding), true}, nil
	}
	return nil, fmt.Errorf("log format %q: must be json or console", format)
}

// escaping is an encoder that escapes what zap does not: the console's message, and
// in both formats all but the C0 controls. Only inside JSON strings can there be
// anything to escape.
type escaping struct {
	zapcore.Encoder
	console bool
}

func (e escaping) Clone() zapcore.Encoder { return escaping{e.Encoder.Clone(), e.console} }

func (e escaping) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if e.console {
		entry.Message = printable.Line(entry.Message)
	}
	out, err := e.Encoder.EncodeEntry(entry, fields)
	if err != nil {
		return nil, err
	}
	if raw := out.String(); printable.Text(raw) != raw {
		out.Reset()
		out.AppendString(printable.Text(raw))
	}
	return out, nil
}
