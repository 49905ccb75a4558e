{{- define "driftless.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "driftless.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "driftless.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "driftless.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "driftless.selector" -}}
app.kubernetes.io/name: {{ include "driftless.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "driftless.labels" -}}
app.kubernetes.io/name: {{ include "driftless.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: driftless
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "driftless.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "driftless.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "driftless.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{/* "true" when there is a PostgreSQL. */}}
{{- define "driftless.postgres" -}}
{{- if or .Values.database.url .Values.database.existingSecret -}}true{{- end -}}
{{- end -}}

{{- define "driftless.databaseSecret" -}}
{{- default (printf "%s-database" (include "driftless.fullname" .)) .Values.database.existingSecret -}}
{{- end -}}

{{- define "driftless.secret" -}}
{{- default (printf "%s-secrets" (include "driftless.fullname" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "driftless.claim" -}}
{{- default (printf "%s-data" (include "driftless.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* What cannot be said in the schema in words that help. */}}
{{- define "driftless.validate" -}}
{{- if and (gt (int .Values.replicas) 1) (not (include "driftless.postgres" .)) -}}
{{- fail (printf "replicas is %d, but the embedded database serves one process: give a PostgreSQL by database.url or database.existingSecret, or leave replicas at 1" (int .Values.replicas)) -}}
{{- end -}}
{{- if and .Values.database.url .Values.database.existingSecret -}}
{{- fail "database.url and database.existingSecret are both given: which of the two is the database? Leave one of them out" -}}
{{- end -}}
{{- end -}}

{{/* Definitions that are there already and belong to somebody else: another release, or nobody's release. */}}
{{- define "driftless.foreignDefinitions" -}}
{{- $names := list -}}
{{- $carried := ternary (.Files.Glob "files/crds/*.yaml") dict .Values.crds.enabled -}}
{{- range $path, $_ := $carried -}}
{{- $name := trimSuffix ".yaml" (base $path) -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name -}}
{{- if $there -}}
{{- $owner := $there.metadata.annotations | default dict -}}
{{- if not (and (eq (get $owner "meta.helm.sh/release-name") $.Release.Name) (eq (get $owner "meta.helm.sh/release-namespace") $.Release.Namespace)) -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $names -}}
{{- end -}}

{{/* What every pod of the chart has in common; the hooks' pods, too. */}}
{{- define "driftless.podBasics" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* What the controller does with objects, in each namespace that it watches. */}}
{{- define "driftless.objectRules" -}}
- apiGroups: [driftless.dev]
  resources: [credentials, domains, dnsrecords]
  verbs: [get, list, watch, patch]
- apiGroups: [driftless.dev]
  resources: [credentials/status, domains/status, dnsrecords/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "driftless.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end -}}

{{/* Annotations of a hook: (list "pre-install,pre-upgrade" "-5") */}}
{{- define "driftless.hook" -}}
helm.sh/hook: {{ index . 0 }}
helm.sh/hook-weight: {{ index . 1 | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
