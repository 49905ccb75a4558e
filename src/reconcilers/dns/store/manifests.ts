/**
 * Documents: applied all or none, and the rows that follow from them. What is in a request may refer to what else is
 * in it, in any order. The same documents again change nothing.
 */
import { Data, Effect } from "effect"
import { isDeepStrictEqual } from "node:util"
import { Database } from "../../../database/database.ts"
import { Wakes } from "../../../database/wake.ts"
import { KIND_NAMES, type KindName } from "../../../model/kinds/kinds.ts"
import { finishDeletions } from "./manifest-deletions.ts"
import { type Entry, type Key, keyText, type Put, read, type Stored } from "./manifest-entries.ts"
import { lockRecords, writeRecords } from "./manifest-records.ts"
import { writeCredential, writeDomain } from "./manifest-rows.ts"
import * as table from "./manifest-table.ts"
import { check, notFound, orRefuse, refuse } from "./refusal.ts"
import { findMistakes, linkOf, missingLink } from "./references.ts"
import { takeOver } from "./takeover.ts"

export interface Applied {
  readonly kind: KindName
  readonly namespace: string
  readonly name: string
  readonly action: "created" | "configured" | "unchanged"
  readonly generation: number
}

export interface ApplyOptions {
  /** Tells what would happen, mistakes included, and changes nothing. */
  readonly dryRun: boolean
}

/** What an object of a cluster says beside its document. */
export interface ObjectOptions {
  /** Its `metadata.generation`. */
  readonly generation: number
  /** Takes over what was made over HTTP, by SQL or by another document, and is asked for by this one. */
  readonly adopt: boolean
}

class DryRun extends Data.TaggedError("DryRun")<{ readonly applied: ReadonlyArray<Applied> }> {}

/** Answers in the order of the documents. */
export const apply = Effect.fn("manifests.apply")(
  function* (documents: ReadonlyArray<unknown>, { dryRun }: ApplyOptions) {
    const { transaction } = yield* Database
    const wakes = yield* Wakes
    return yield* transaction(
      "manifests.apply",
      Effect.gen(function* () {
        const { applied } = yield* write(documents)
        if (dryRun) return yield* new DryRun({ applied })
        yield* wakes.send("dns")
        return applied
      })
    )
  },
  Effect.catchTag("DryRun", ({ applied }) => Effect.succeed(applied)),
  Effect.catch(orRefuse({ unique: refuse(3003, "somebody else applied the same at the same time; apply it again") }))
)

/** The document of one object of a cluster; answers the id of its row. Part of the transaction of its pass. */
export const applyObject = Effect.fn("manifests.applyObject")(function* (document: unknown, options: ObjectOptions) {
  const wakes = yield* Wakes
  const { ids } = yield* write([document], options)
  yield* wakes.send("dns")
  return ids[0]
})

const write = Effect.fnUntraced(function* (documents: ReadonlyArray<unknown>, object?: ObjectOptions) {
  const { entries, mistakes } = read(documents, object !== undefined)
  const stored = yield* table.lock([
    ...entries.map(({ key }) => key),
    ...documents.flatMap((each) => linkOf(each) ?? [])
  ])
  if (object !== undefined) yield* awaitLinks(entries, stored)
  yield* check([...mistakes, ...findMistakes(documents, stored)])
  for (const { key } of entries) yield* requireRight(key, stored.get(keyText(key)), object)

  const ids = [...stored.values()].map(({ id }) => id)
  const locked = yield* lockRecords(ids)
  const links = yield* table.rowsOf(ids)
  const puts = entries.map((entry) => putOf(entry, stored.get(keyText(entry.key)), object?.generation))
  const objectIds = yield* table.write(puts)
  const taken = object?.adopt === true ? yield* takeOver(puts, objectIds, links) : false
  const records = taken ? yield* lockRecords([...objectIds.values()]) : locked

  for (const kind of KIND_NAMES) {
    for (const put of puts.filter(({ key }) => key.kind === kind)) {
      yield* follow(put, objectIds.get(keyText(put.key)) ?? 0, links)
    }
  }
  yield* writeRecords(yield* Effect.forEach(puts, (put) => recordsOf(put, objectIds, links)), records)
  // What they referred to before may have waited for them to let go.
  if (puts.some(({ action }) => action === "configured")) yield* finishDeletions()
  return {
    applied: puts.map(({ action, generation, key }): Applied => ({ ...key, action, generation })),
    ids: puts.map(({ key }) => objectIds.get(keyText(key)) ?? 0)
  }
})

/** Others may come before what they are referred to by; an object waits for them, and that is no mistake. */
const awaitLinks = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>, stored: ReadonlyMap<string, Stored>) {
  const links = entries.flatMap(({ document }) => linkOf(document) ?? [])
  const [missing] = links.flatMap((link) => missingLink(link, stored))
  if (missing !== undefined) return yield* refuse(3003, `spec.${missing.path} ${missing.message}`, "ReferenceMissing")
})

/** One keeper for each object: it is changed where it was made, until it is handed over on purpose. */
const requireRight = ({ kind, name }: Key, before: Stored | undefined, object: ObjectOptions | undefined) => {
  if (before === undefined || object?.adopt === true || before.inCluster === (object !== undefined)) return Effect.void
  const message = before.inCluster
    ? `the ${kind} ${name} is kept by its object in the cluster; change it there`
    : `Conflict: the ${kind} ${name} was applied without the cluster; hand it over with the annotation driftless.dev/adopt: "true"`
  return Effect.fail(refuse(3003, message, "Conflict"))
}

/** What becomes of an object; pure. `generation` is given by a cluster, else it is counted here. */
function putOf({ document, index, key }: Entry, before: Stored | undefined, generation?: number): Put {
  const { annotations, labels } = document.metadata
  const metadata = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations })
  }
  const put = { index, key, document, metadata, id: before?.id }
  if (before === undefined) return { ...put, action: "created", generation: generation ?? 1 }
  const sameSpec = isDeepStrictEqual(before.spec, document.spec)
  const next = generation ?? before.generation + (sameSpec ? 0 : 1)
  const isSame =
    sameSpec && next === before.generation && !before.deleting && isDeepStrictEqual(before.metadata, metadata)
  return { ...put, action: isSame ? "unchanged" : "configured", generation: next }
}

/** The row of a Credential or a Domain; `links` learns of it for those that refer to it. */
const follow = Effect.fnUntraced(function* ({ action, document, index, key }: Put, id: number, links: table.Links) {
  // A row that somebody deleted by SQL is made again, also by an unchanged document.
  const own = links.get(keyText(key))
  if (document.kind === "DnsRecord" || (action === "unchanged" && own !== undefined)) return
  if (document.kind === "Credential") {
    links.set(keyText(key), { id: yield* writeCredential(id, document), domain: "" })
    return
  }
  const credential = yield* linked(links, { ...key, kind: "Credential", name: document.spec.credentialRef.name }, index)
  links.set(keyText(key), yield* writeDomain(id, document, credential.id, own, index))
})

const recordsOf = Effect.fnUntraced(function* (
  { action, document, index, key }: Put,
  ids: ReadonlyMap<string, number>,
  links: table.Links
) {
  if (document.kind !== "DnsRecord" || action === "unchanged") return []
  const domain = yield* linked(links, { ...key, kind: "Domain", name: document.spec.domainRef.name }, index)
  return [{ manifestId: ids.get(keyText(key)) ?? 0, spec: document.spec, domain }]
})

const linked = (links: table.Links, key: Key, index: number) => {
  const link = links.get(keyText(key))
  const message = `documents[${index}]: the row of the ${key.kind} ${key.name} is gone; apply that one too`
  return link === undefined ? Effect.fail(refuse(3003, message)) : Effect.succeed(link)
}

/** Asks for an object to be gone. It stays, marked, until what it made is gone; answers whether it went at once. */
export const remove = Effect.fn("manifests.remove")(function* (kind: KindName, namespace: string, name: string) {
  const { transaction } = yield* Database
  const wakes = yield* Wakes
  return yield* transaction(
    "manifests.remove",
    Effect.gen(function* () {
      const key = { kind, namespace, name }
      const found = (yield* table.lock([key])).get(keyText(key))
      if (found === undefined) return yield* notFound(`${kind} ${name}`)
      yield* requireRight(key, found, undefined)
      yield* table.markDeleted(found.id)
      if (kind === "DnsRecord") yield* table.markRowsAbsent(found.id)
      yield* finishDeletions()
      yield* wakes.send("dns")
      return { gone: !(yield* table.exists(found.id)) }
    })
  )
})
