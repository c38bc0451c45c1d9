{{- /* What the worker is told by its environment, but for what is secret. */ -}}
{{- define "worker.settings" -}}
{{- $settings := dict -}}
{{- range $name, $value := .Values.settings -}}
{{- if not (kindIs "invalid" $value) -}}
{{- /* YAML makes numbers of 10 and of 1000000: they are written as they were. */ -}}
{{- if kindIs "float64" $value -}}
{{- $_ := set $settings $name (printf "%v" (ternary ($value | int64) $value (eq (floor $value) $value))) -}}
{{- else -}}
{{- $_ := set $settings $name ($value | toString) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $settings "WORKER_SHUTDOWN_TIMEOUT" (printf "%ds" (int .Values.shutdownTimeoutSeconds)) -}}
{{- if eq .Values.state.type "dynamodb" -}}
{{- $_ := set $settings "WORKER_STATE" (printf "dynamodb://%s" .Values.state.dynamodb.table) -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}
