/** What the table of each kind shows: name, what matters of the kind, how far it is, age; `wide` adds the rest. */
import { type KindName } from "../model/kinds/kinds.ts"
import { labelOf, type ManifestObject } from "./objects.ts"
import { ageText, type Column, shorten, type Tone } from "./table.ts"

type Columns = ReadonlyArray<Column<ManifestObject>>

export interface ColumnOptions {
  readonly wide: boolean
  /** Names with their kind before them, as `get all` shows them. */
  readonly withKind: boolean
  readonly withNamespace: boolean
  /** Milliseconds since 1970; ages are counted to it. */
  readonly now: number
}

export const columnsOf = (kind: KindName, { now, wide, withKind, withNamespace }: ColumnOptions): Columns => {
  const { more, own } = KIND_COLUMNS[kind]
  return [
    ...(withNamespace
      ? [{ title: "NAMESPACE", cell: ({ metadata }: ManifestObject) => metadata.namespace ?? "" }]
      : []),
    {
      title: "NAME",
      cell: ({ metadata: { name } }) => (withKind ? labelOf({ kind, name }) : name)
    },
    ...own(wide),
    { title: "READY", cell: (object) => readyOf(object)?.status ?? "Unknown", tone: toneOf },
    { title: "REASON", cell: (object) => readyOf(object)?.reason ?? "Unknown", tone: toneOf },
    ...(wide ? more : []),
    { title: "AGE", cell: ({ metadata }) => ageText(now - Date.parse(metadata.creationTimestamp)) },
    ...(wide ? [{ title: "MESSAGE", cell: (object: ManifestObject) => readyOf(object)?.message ?? "" }] : [])
  ]
}

export const readyOf = ({ status }: ManifestObject) => status.conditions.find(({ type }) => type === "Ready")

export const isStalled = ({ status }: ManifestObject) =>
  status.conditions.some((condition) => condition.type === "Stalled" && condition.status === "True")

const toneOf = (object: ManifestObject): Tone =>
  readyOf(object)?.status === "True" ? "good" : isStalled(object) ? "bad" : "busy"

/** A spec is decoded by the server alone; here a field that has another form is shown as it is. */
const field = ({ spec }: ManifestObject, name: string): string => textOf(spec[name])

const textOf = (value: unknown): string => {
  if (value === undefined || value === null) return ""
  if (Array.isArray(value)) return value.map(textOf).join(",")
  return typeof value === "string" ? value : JSON.stringify(value)
}

const nameIn = ({ spec }: ManifestObject, reference: string): string => {
  const value = spec[reference]
  return typeof value === "object" && value !== null && "name" in value ? textOf(value.name) : ""
}

const tokenSource = ({ spec: { tokenFrom } }: ManifestObject): string =>
  typeof tokenFrom === "object" && tokenFrom !== null
    ? Object.entries(tokenFrom)
        .map(([from, what]) => `${from}:${textOf(what)}`)
        .join(",")
    : ""

const recordsText = ({ status: { records } }: ManifestObject): string =>
  records === undefined ? "" : `${records.active}/${records.total}`

const id: Column<ManifestObject> = { title: "ID", cell: ({ status }) => textOf(status.id) }
const column = (title: string, name: string): Column<ManifestObject> => ({
  title,
  cell: (object) => field(object, name)
})

interface KindColumns {
  readonly own: (wide: boolean) => Columns
  readonly more: Columns
}

const KIND_COLUMNS: Readonly<Record<KindName, KindColumns>> = {
  Credential: {
    own: () => [column("PROVIDER", "provider"), { title: "TOKEN", cell: tokenSource }],
    more: [column("STATUS", "status"), column("ACCOUNT", "account"), id]
  },
  Domain: {
    own: () => [column("DOMAIN", "domain"), { title: "RECORDS", cell: recordsText }],
    more: [
      { title: "CREDENTIAL", cell: (object) => nameIn(object, "credentialRef") },
      column("STATUS", "status"),
      column("ADOPTION", "adoption"),
      column("DELETION", "deletionPolicy"),
      id
    ]
  },
  DnsRecord: {
    own: (wide) => [
      { title: "DOMAIN", cell: (object) => nameIn(object, "domainRef") },
      column("TYPE", "type"),
      column("HOST", "name"),
      { title: "VALUES", cell: (object) => (wide ? field(object, "values") : shorten(field(object, "values"), SHORT)) }
    ],
    more: [
      { title: "RECORDS", cell: recordsText },
      column("TTL", "ttl"),
      column("PROXIED", "proxied"),
      column("STATE", "state")
    ]
  }
}

const SHORT = 40
