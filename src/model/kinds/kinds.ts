/**
 * Every kind of document, one row each: validation, the API, the command line and the cluster's definitions come
 * from here. A new kind is a new row.
 */
import { Result, Schema } from "effect"
import { oversized } from "./bounds.ts"
import { type CredentialSpec, CredentialSpec as CredentialSchema, credentialMistakes } from "./credential.ts"
import { type DnsRecordSpec, DnsRecordSpec as DnsRecordSchema, recordMistakes } from "./dns-record.ts"
import { type DomainSpec, DomainSpec as DomainSchema, domainMistakes } from "./domain.ts"
import { API_VERSION, Metadata } from "./metadata.ts"
import { malformed, type Mistake, mistakesOf, STRICT } from "./mistakes.ts"
import { CredentialStatus, DnsRecordStatus, DomainStatus } from "./status.ts"

interface Specs {
  readonly Credential: CredentialSpec
  readonly Domain: DomainSpec
  readonly DnsRecord: DnsRecordSpec
}

export type KindName = keyof Specs

type Unknown = Readonly<Record<string, unknown>>

/** A column of `kubectl get`, between Reason and Age. */
export interface Column {
  readonly name: string
  readonly type: "string" | "integer" | "boolean"
  /** As in `.spec.type`. */
  readonly path: string
  /** Shown by `-o wide` only. */
  readonly wide?: true
}

export interface KindRow<Spec> {
  readonly spec: Schema.ConstraintCodec<Spec, unknown>
  readonly status: Schema.Top
  /** What `kubectl explain` begins with. */
  readonly description: string
  readonly plural: string
  readonly shortNames: ReadonlyArray<string>
  readonly columns: ReadonlyArray<Column>
  /** Fields that `--field-selector` and watches may select by: texts, numbers, true or false. */
  readonly selectable: ReadonlyArray<string>
  /** What the schema of the spec does not see, with paths inside the spec. */
  readonly mistakes: (spec: Unknown) => ReadonlyArray<Mistake>
}

/** In the order in which objects need each other: an object refers only to kinds above its own. */
export const kinds: { readonly [Kind in KindName]: KindRow<Specs[Kind]> } = {
  Credential: {
    spec: CredentialSchema,
    status: CredentialStatus,
    description: "The token that a DNS provider is called with. It says where the token is and never holds it.",
    plural: "credentials",
    shortNames: ["cred"],
    columns: [
      { name: "Provider", type: "string", path: ".spec.provider" },
      { name: "Status", type: "string", path: ".spec.status" },
      { name: "Secret", type: "string", path: ".spec.tokenFrom.secretRef.name", wide: true }
    ],
    selectable: [".spec.provider", ".spec.status", ".spec.tokenFrom.secretRef.name"],
    mistakes: credentialMistakes
  },
  Domain: {
    spec: DomainSchema,
    status: DomainStatus,
    description:
      "A zone at a DNS provider, the Credential that opens it, and what may be done to the records in it. The zone itself is never created or deleted.",
    plural: "domains",
    shortNames: ["zone"],
    columns: [
      { name: "Domain", type: "string", path: ".spec.domain" },
      { name: "Records", type: "integer", path: ".status.records.total" },
      { name: "Active", type: "integer", path: ".status.records.active" },
      { name: "Errors", type: "integer", path: ".status.records.error" },
      { name: "Credential", type: "string", path: ".spec.credentialRef.name", wide: true },
      { name: "Adoption", type: "string", path: ".spec.adoption", wide: true },
      { name: "Deletion", type: "string", path: ".spec.deletionPolicy", wide: true }
    ],
    selectable: [".spec.domain", ".spec.credentialRef.name", ".spec.status"],
    mistakes: domainMistakes
  },
  DnsRecord: {
    spec: DnsRecordSchema,
    status: DnsRecordStatus,
    description: "The records of one name and one type in the zone of a Domain, one for each value.",
    plural: "dnsrecords",
    shortNames: ["dns"],
    columns: [
      { name: "Domain", type: "string", path: ".spec.domainRef.name" },
      { name: "Type", type: "string", path: ".spec.type" },
      { name: "Record", type: "string", path: ".spec.name" },
      { name: "Values", type: "string", path: ".spec.values" },
      { name: "TTL", type: "integer", path: ".spec.ttl", wide: true },
      { name: "Proxied", type: "boolean", path: ".spec.proxied", wide: true },
      { name: "State", type: "string", path: ".spec.state", wide: true }
    ],
    selectable: [".spec.domainRef.name", ".spec.type", ".spec.name", ".spec.state"],
    mistakes: recordMistakes
  }
}

export const KIND_NAMES = ["Credential", "Domain", "DnsRecord"] as const satisfies ReadonlyArray<KindName>

export const KindName = Schema.Literals(KIND_NAMES)

/** A document that may be applied: its fields are complete, defaults included. */
export type Document = { readonly [Kind in KindName]: DocumentOf<Kind> }[KindName]

export interface DocumentOf<Kind extends KindName> {
  readonly kind: Kind
  readonly metadata: Metadata
  readonly spec: Specs[Kind]
}

const Frame = Schema.Struct({
  apiVersion: Schema.Literals([API_VERSION]),
  kind: KindName,
  metadata: Metadata,
  spec: Schema.Record(Schema.String, Schema.Unknown)
})

const decodeFrame = Schema.decodeUnknownResult(Frame, STRICT)
const decodeKind = Schema.decodeUnknownOption(Schema.Struct({ kind: KindName }))

/**
 * Reads one document; all its mistakes come at once, with paths from the document's root. Of one that is far too long
 * that alone is told.
 */
export function parseDocument(input: unknown): Result.Result<Document, ReadonlyArray<Mistake>> {
  if (!isObject(input))
    return Result.fail([malformed("", "must be an object with apiVersion, kind, metadata and spec")])
  const excess = oversized(input)
  if (excess !== undefined) return Result.fail([excess])
  const frame = decodeFrame(withoutStatus(input))
  const mistakes = Result.isFailure(frame) ? [...mistakesOf(frame.failure)] : []
  const kind = decodeKind({ kind: input["kind"] })
  if (kind._tag === "None" || !isObject(input["spec"])) return Result.fail(mistakes)
  return parseSpec(kind.value.kind, input["spec"], frame, mistakes)
}

function parseSpec<Kind extends KindName>(
  kind: Kind,
  input: Unknown,
  frame: Result.Result<typeof Frame.Type, unknown>,
  found: ReadonlyArray<Mistake>
): Result.Result<Document, ReadonlyArray<Mistake>> {
  const row: KindRow<Specs[Kind]> = kinds[kind]
  const spec = Schema.decodeResult(row.spec, STRICT)(input)
  const mistakes = [
    ...found,
    ...[...(Result.isFailure(spec) ? mistakesOf(spec.failure) : []), ...row.mistakes(input)].map((mistake) => ({
      ...mistake,
      path: mistake.path === "" ? "spec" : `spec.${mistake.path}`
    }))
  ]
  if (Result.isFailure(spec) || Result.isFailure(frame) || mistakes.length > 0) return Result.fail(mistakes)
  const document: DocumentOf<Kind> = { kind, metadata: frame.success.metadata, spec: spec.success }
  return Result.succeed(document as Document)
}

/** What `get -o yaml` printed can be applied again: what the server wrote into it is passed over. */
function withoutStatus(input: Unknown): Unknown {
  const { status: _status, ...rest } = input
  const metadata = rest["metadata"]
  if (!isObject(metadata)) return rest
  return { ...rest, metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_WRITTEN.has(key))) }
}

const SERVER_WRITTEN = new Set(["uid", "generation", "creationTimestamp", "deletionTimestamp", "resourceVersion"])

const isObject = (value: unknown): value is Unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The kind that a person means by `dnsrecords`, `dns` or `DnsRecord`. */
export function findKind(word: string): KindName | undefined {
  const wanted = word.toLowerCase()
  return KIND_NAMES.find((kind) => [kind.toLowerCase(), kinds[kind].plural, ...kinds[kind].shortNames].includes(wanted))
}
