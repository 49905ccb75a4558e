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
import { findMistakes, linksOf } from "./references.ts"

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

class DryRun extends Data.TaggedError("DryRun")<{ readonly applied: ReadonlyArray<Applied> }> {}

/** Answers in the order of the documents. */
export const apply = Effect.fn("manifests.apply")(
  function* (documents: ReadonlyArray<unknown>, { dryRun }: ApplyOptions) {
    const { transaction } = yield* Database
    const wakes = yield* Wakes
    return yield* transaction(
      "manifests.apply",
      Effect.gen(function* () {
        const applied = yield* write(documents)
        if (dryRun) return yield* new DryRun({ applied })
        yield* wakes.send("dns")
        return applied
      })
    )
  },
  Effect.catchTag("DryRun", ({ applied }) => Effect.succeed(applied)),
  Effect.catch(orRefuse({ unique: refuse(3003, "somebody else applied the same at the same time; apply it again") }))
)

const write = Effect.fnUntraced(function* (documents: ReadonlyArray<unknown>) {
  const { entries, mistakes } = read(documents)
  const stored = yield* table.lock([...entries.map(({ key }) => key), ...entries.flatMap(linksOf)])
  yield* check([...mistakes, ...findMistakes(entries, stored, documents)])

  const ids = [...stored.values()].map(({ id }) => id)
  const records = yield* lockRecords(ids)
  const links = yield* table.rowsOf(ids)
  const puts = entries.map((entry) => putOf(entry, stored.get(keyText(entry.key))))
  const objectIds = yield* table.write(puts)

  for (const kind of KIND_NAMES) {
    for (const put of puts.filter(({ key }) => key.kind === kind)) {
      yield* follow(put, objectIds.get(keyText(put.key)) ?? 0, links)
    }
  }
  yield* writeRecords(yield* Effect.forEach(puts, (put) => recordsOf(put, objectIds, links)), records)
  return puts.map(({ action, generation, key }): Applied => ({ ...key, action, generation }))
})

/** What becomes of an object; pure. */
function putOf({ document, index, key }: Entry, before: Stored | undefined): Put {
  const { annotations, labels } = document.metadata
  const metadata = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations })
  }
  const put = { index, key, document, metadata, id: before?.id }
  if (before === undefined) return { ...put, action: "created", generation: 1 }
  const sameSpec = isDeepStrictEqual(before.spec, document.spec)
  const same = sameSpec && !before.deleting && isDeepStrictEqual(before.metadata, metadata)
  return { ...put, action: same ? "unchanged" : "configured", generation: before.generation + (sameSpec ? 0 : 1) }
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
      yield* table.markDeleted(found.id)
      if (kind === "DnsRecord") yield* table.markRowsAbsent(found.id)
      yield* finishDeletions()
      yield* wakes.send("dns")
      return { gone: !(yield* table.exists(found.id)) }
    })
  )
})
