{{- /* A size as the worker's settings write it, in bytes. */ -}}
{{- define "worker.bytes" -}}
{{- $units := dict "" 1 "b" 1 "kb" 1000 "mb" 1000000 "gb" 1000000000 "tb" 1000000000000 "kib" 1024 "mib" 1048576 "gib" 1073741824 "tib" 1099511627776 -}}
{{- if kindIs "string" . -}}
{{- mulf (regexFind "^[0-9]+" .) (get $units (regexFind "[a-zA-Z]*$" . | lower)) -}}
{{- else -}}
{{- float64 . -}}
{{- end -}}
{{- end -}}
{{- /* The MiB that the worker needs: 96, and 2.5 times what it may hold, of messages and of state in memory. */ -}}
{{- define "worker.leastMemory" -}}
{{- $bytes := include "worker.bytes" (.Values.settings.WORKER_MAX_HELD_BYTES | default "64MiB") | float64 -}}
{{- if eq .Values.state.type "memory" -}}
{{- $bytes = addf $bytes (include "worker.bytes" (.Values.settings.WORKER_STATE_BYTES | default "64MiB") | float64) -}}
{{- end -}}
{{- addf 96 (divf (mulf $bytes 2.5) 1048576) | ceil -}}
{{- end -}}
{{- /* The MiB that it gets. */ -}}
{{- define "worker.memory" -}}
{{- $least := include "worker.leastMemory" . | float64 | int64 -}}
{{- $given := .Values.memoryMiB | int64 -}}
{{- if and $given (lt $given $least) -}}
{{- fail (printf "memoryMiB is %d, and WORKER_MAX_HELD_BYTES%s can come to %d MiB" $given (ternary " with WORKER_STATE_BYTES" "" (eq .Values.state.type "memory")) $least) -}}
{{- end -}}
{{- $given | default $least -}}
{{- end -}}
