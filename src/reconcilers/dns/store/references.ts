/** What one document needs of another: that it is there, and the zone that a record's name is relative to. */
import { Result } from "effect"
import { normaliseDomain } from "../../../model/dns/names.ts"
import { recordMistakes } from "../../../model/kinds/dns-record.ts"
import type { KindName } from "../../../model/kinds/kinds.ts"
import { type Mistake, notAllowed } from "../../../model/kinds/mistakes.ts"
import { at, type Entry, type Key, keyText, type Stored } from "./manifest-entries.ts"

/** The objects that a document refers to. */
export function linksOf({ document, key }: Entry): ReadonlyArray<Key> {
  const { namespace } = key
  switch (document.kind) {
    case "Credential":
      return []
    case "Domain":
      return [{ kind: "Credential", namespace, name: document.spec.credentialRef.name }]
    case "DnsRecord":
      return [{ kind: "Domain", namespace, name: document.spec.domainRef.name }]
  }
}

const FIELD: Partial<Record<KindName, string>> = { Credential: "credentialRef", Domain: "domainRef" }

/** `documents` are all of the request: one with mistakes of its own is no missing reference besides. */
export function findMistakes(
  entries: ReadonlyArray<Entry>,
  stored: ReadonlyMap<string, Stored>,
  documents: ReadonlyArray<unknown>
): ReadonlyArray<Mistake> {
  const given = new Set(documents.map(nameOf))
  const zones = new Map(entries.flatMap((entry) => zoneOf(keyText(entry.key), entry.document.spec)))
  return entries.flatMap((entry) => {
    const mistakes = linksOf(entry).flatMap((link) =>
      given.has(`${link.kind} ${link.name}`)
        ? []
        : missingLink(link, stored).map((mistake) => at(entry.index, { ...mistake, path: `spec.${mistake.path}` }))
    )
    return [...mistakes, ...nameMistakes(entry, zones, stored)]
  })
}

/** One mistake where the object that is referred to is not there, or not for long. */
export function missingLink(link: Key, stored: ReadonlyMap<string, Stored>): ReadonlyArray<Mistake> {
  const found = stored.get(keyText(link))
  if (found?.deleting === false) return []
  const why = found === undefined ? "which does not exist" : "which is being deleted"
  return [notAllowed(`${FIELD[link.kind]}.name`, `names the ${link.kind} ${link.name}, ${why}`)]
}

/** A record's name is judged again, now that its zone is known. */
function nameMistakes(
  entry: Entry,
  zones: ReadonlyMap<string, string>,
  stored: ReadonlyMap<string, Stored>
): ReadonlyArray<Mistake> {
  const [link] = linksOf(entry)
  if (entry.document.kind !== "DnsRecord" || link === undefined) return []
  const key = keyText(link)
  const zone = zones.get(key) ?? new Map(zoneOf(key, stored.get(key)?.spec ?? {})).get(key)
  if (zone === undefined) return []
  return recordMistakes({ name: entry.document.spec.name }, zone).map((mistake) =>
    at(entry.index, { ...mistake, path: `spec.${mistake.path}` })
  )
}

function zoneOf(key: string, spec: object): ReadonlyArray<readonly [string, string]> {
  if (!("domain" in spec) || typeof spec.domain !== "string") return []
  const name = normaliseDomain(spec.domain)
  return Result.isSuccess(name) ? [[key, name.success]] : []
}

function nameOf(input: unknown): string {
  if (typeof input !== "object" || input === null || !("kind" in input) || !("metadata" in input)) return ""
  const { kind, metadata } = input
  if (typeof metadata !== "object" || metadata === null || !("name" in metadata)) return ""
  return `${String(kind)} ${String(metadata.name)}`
}
