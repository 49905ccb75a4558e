{{/* A Job of our own image that runs a command of src/cli/cluster-hooks.ts: (dict "root" . "name" … "when" … "args" …) */}}
{{- define "driftless.hookJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  labels:
    {{- include "driftless.labels" .root | nindent 4 }}
  annotations:
    {{- include "driftless.hook" (list .when "0") | nindent 4 }}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 240
  template:
    metadata:
      labels:
        {{- include "driftless.labels" .root | nindent 8 }}
        app.kubernetes.io/component: hook
    spec:
      restartPolicy: Never
      serviceAccountName: {{ .name }}
      {{- include "driftless.podBasics" .root | nindent 6 }}
      containers:
        - name: hook
          image: {{ include "driftless.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [node, /app/src/cli/cluster-hooks.ts]
          args: {{- toYaml .args | nindent 12 }}
          resources:
            requests:
              cpu: 50m
              memory: 128Mi
            limits:
              memory: 512Mi
          securityContext: {{- toYaml .root.Values.securityContext | nindent 12 }}
{{- end -}}
