{{- define "perennial.labels" -}}
app.kubernetes.io/name: perennial
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* A Secret that must be there: said at once, where a cluster is asked. */ -}}
{{- define "perennial.existing" }}
{{- if and .name (lookup "v1" "Namespace" "" .namespace) (not (lookup "v1" "Secret" .namespace .name)) }}
{{- fail (printf "%s: namespace %s has no Secret %s; make it first: kubectl -n %s create secret generic %s --from-literal=KEY=VALUE" .value .namespace .name .namespace .name) }}
{{- end }}
{{- end }}

{{- /* A rendered workflow, its steps with the chart's Secrets and variables in their environment. */ -}}
{{- define "perennial.workflow" }}
{{- $values := .root.Values }}
{{- range $template := .workflow.spec.templates }}
{{- with $template.container }}
{{- include "perennial.environment" (dict "container" . "job" $template.name "values" $values) }}
{{- end }}
{{- range $template.sidecars }}
{{- include "perennial.environment" (dict "container" . "job" .name "values" $values) }}
{{- end }}
{{- end }}
{{- $_ := set .workflow.metadata "labels" (include "perennial.labels" .root | fromYaml) }}
{{- .workflow | toYaml }}
{{- end }}

{{- define "perennial.environment" }}
{{- $env := append (default list .container.env) (dict "name" "PERENNIAL_LOG_LEVEL" "value" .values.logLevel) }}
{{- range $name, $value := .values.store.env }}
{{- $env = append $env (dict "name" $name "value" $value) }}
{{- end }}
{{- $from := list }}
{{- if .values.store.secret }}
{{- $from = append $from (dict "secretRef" (dict "name" .values.store.secret)) }}
{{- end }}
{{- if and .values.hub.secret (has .job (list "ingest" "bundle")) }}
{{- $from = append $from (dict "secretRef" (dict "name" .values.hub.secret)) }}
{{- end }}
{{- if $env }}
{{- $_ := set .container "env" $env }}
{{- end }}
{{- if $from }}
{{- $_ := set .container "envFrom" $from }}
{{- end }}
{{- end }}
