package telemetry

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger makes a logger that writes one entry a line to w.
//
// level is debug, info, warn or error; the AtomicLevel changes it while the
// worker runs. format is json (ts in RFC 3339, UTC, with milliseconds; level;
// msg; then the fields, durations as "1.5s") or console, for people. Stack
// traces come with panics only.
func NewLogger(level, format string, w io.Writer) (*zap.Logger, zap.AtomicLevel, error) {
	atomic, err := zap.ParseAtomicLevel(level)
	if err != nil {
		return nil, zap.AtomicLevel{}, fmt.Errorf("log level %q: must be debug, info, warn or error", level)
	}
	encoding := zapcore.EncoderConfig{
		TimeKey: "ts", LevelKey: "level", MessageKey: "msg", NameKey: "logger", StacktraceKey: "stack",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeDuration: zapcore.StringDurationEncoder,
	}
	var encoder zapcore.Encoder
	switch format {
	case "json":
		encoding.EncodeTime = func(t time.Time, out zapcore.PrimitiveArrayEncoder) {
			out.AppendString(t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
		}
		encoding.EncodeLevel = zapcore.LowercaseLevelEncoder
		encoder = zapcore.NewJSONEncoder(encoding)
	case "console":
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoding.ConsoleSeparator = "  "
		encoder = zapcore.NewConsoleEncoder(encoding)
	default:
		return nil, zap.AtomicLevel{}, fmt.Errorf("log format %q: must be json or console", format)
	}
	out := zapcore.Lock(zapcore.AddSync(w))
	log := zap.New(zapcore.NewCore(encoder, out, atomic), zap.AddStacktrace(zapcore.DPanicLevel), zap.ErrorOutput(out))
	return log, atomic, nil
}
