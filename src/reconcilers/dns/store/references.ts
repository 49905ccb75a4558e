/**
 * What one document needs of another: that it is there, and the zone that a record's name is relative to. Judged of
 * every document as far as it can be read, so that its other mistakes do not hide these.
 */
import { Option, Result, Schema } from "effect"
import { normaliseDomain } from "../../../model/dns/names.ts"
import { recordMistakes } from "../../../model/kinds/dns-record.ts"
import { KindName } from "../../../model/kinds/kinds.ts"
import { Metadata, Reference } from "../../../model/kinds/metadata.ts"
import { type Mistake, notAllowed } from "../../../model/kinds/mistakes.ts"
import { at, type Key, keyText, type Stored } from "./manifest-entries.ts"

const readOutline = Schema.decodeUnknownOption(
  Schema.Struct({
    kind: KindName,
    metadata: Schema.Struct({ name: Schema.optionalKey(Schema.Unknown), namespace: Metadata.fields.namespace }),
    spec: Schema.Record(Schema.String, Schema.Unknown)
  })
)
const readReference = Schema.decodeUnknownOption(Reference)

const FIELD = { Credential: "credentialRef", Domain: "domainRef" } as const
const REFERS_TO = { Credential: undefined, Domain: "Credential", DnsRecord: "Domain" } as const

/** An object that is referred to. */
interface Link extends Key {
  readonly kind: keyof typeof FIELD
}

/** The object that a document refers to, where that can be read. */
export function linkOf(document: unknown): Link | undefined {
  const outline = Option.getOrUndefined(readOutline(document))
  const kind = outline === undefined ? undefined : REFERS_TO[outline.kind]
  if (outline === undefined || kind === undefined) return undefined
  const reference = Option.getOrUndefined(readReference(outline.spec[FIELD[kind]]))
  return reference && { kind, namespace: outline.metadata.namespace, name: reference.name }
}

/** `documents` are all of the request: what is in it is no missing reference, whatever its own mistakes. */
export function findMistakes(
  documents: ReadonlyArray<unknown>,
  stored: ReadonlyMap<string, Stored>
): ReadonlyArray<Mistake> {
  const given = new Set(documents.map(nameOf))
  const zones = new Map(documents.flatMap(zoneIn))
  return documents.flatMap((document, index) => {
    const link = linkOf(document)
    if (link === undefined) return []
    const missing = given.has(`${link.kind} ${link.name}`) ? [] : missingLink(link, stored)
    return [
      ...missing,
      ...nameMistakes(document, zones.get(keyText(link)) ?? zoneOf(stored.get(keyText(link))?.spec))
    ].map((mistake) => at(index, { ...mistake, path: `spec.${mistake.path}` }))
  })
}

/** One mistake where the object that is referred to is not there, or not for long. */
export function missingLink(link: Link, stored: ReadonlyMap<string, Stored>): ReadonlyArray<Mistake> {
  const found = stored.get(keyText(link))
  if (found?.deleting === false) return []
  const why = found === undefined ? "which does not exist" : "which is being deleted"
  return [notAllowed(`${FIELD[link.kind]}.name`, `names the ${link.kind} ${link.name}, ${why}`)]
}

/** A record's name is judged again, now that its zone is known. */
function nameMistakes(document: unknown, zone: string | undefined): ReadonlyArray<Mistake> {
  const outline = Option.getOrUndefined(readOutline(document))
  if (outline?.kind !== "DnsRecord" || zone === undefined) return []
  const { name } = outline.spec
  return recordMistakes({ name }).length > 0 ? [] : recordMistakes({ name }, zone)
}

/** The zone of a Domain of the request, by the key of that object. */
function zoneIn(document: unknown): ReadonlyArray<readonly [string, string]> {
  const outline = Option.getOrUndefined(readOutline(document))
  if (outline?.kind !== "Domain") return []
  const { name, namespace } = outline.metadata
  const zone = zoneOf(outline.spec)
  return zone === undefined ? [] : [[keyText({ kind: "Domain", namespace, name: String(name) }), zone]]
}

function zoneOf(spec: object | undefined): string | undefined {
  if (spec === undefined || !("domain" in spec) || typeof spec.domain !== "string") return undefined
  return Result.getOrUndefined(normaliseDomain(spec.domain))
}

function nameOf(input: unknown): string {
  if (typeof input !== "object" || input === null || !("kind" in input) || !("metadata" in input)) return ""
  const { kind, metadata } = input
  if (typeof metadata !== "object" || metadata === null || !("name" in metadata)) return ""
  return `${String(kind)} ${String(metadata.name)}`
}
