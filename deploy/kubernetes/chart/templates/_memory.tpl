{{- /* The MiB that the worker needs: 96, and 2.5 times the bodies that it may hold. */ -}}
{{- define "worker.leastMemory" -}}
{{- $units := dict "" 1 "b" 1 "kb" 1000 "mb" 1000000 "gb" 1000000000 "tb" 1000000000000 "kib" 1024 "mib" 1048576 "gib" 1073741824 "tib" 1099511627776 -}}
{{- $held := .Values.settings.WORKER_MAX_HELD_BYTES | default "64MiB" -}}
{{- $bytes := 0.0 -}}
{{- if kindIs "string" $held -}}
{{- $bytes = mulf (regexFind "^[0-9]+" $held) (get $units (regexFind "[a-zA-Z]*$" $held | lower)) -}}
{{- else -}}
{{- $bytes = $held -}}
{{- end -}}
{{- addf 96 (divf (mulf $bytes 2.5) 1048576) | ceil -}}
{{- end -}}
