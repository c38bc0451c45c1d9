package app

import (
	"fmt"
	"sync"
	"time"

	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"
)

// sdkLog puts the warnings of the AWS SDK into the log, each kind once a minute at most.
// By itself the SDK writes them to standard error, where a reader that takes nothing
// would hold the request back.
func sdkLog(log *zap.Logger) logging.Logger {
	var mu sync.Mutex
	said := make(map[string]time.Time) // by format: the SDK has a few
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		if class != logging.Warn {
			return // requests with all that is in them
		}
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if last, ok := said[format]; ok && now.Sub(last) < sayAgain {
			return
		}
		said[format] = now
		log.Warn("the AWS SDK warns", zap.String("detail", fmt.Sprintf(format, v...)))
	})
}
