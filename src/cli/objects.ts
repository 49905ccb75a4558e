/** Objects at the server: how they are named, found and read, all pages of a list as one. */
import { Effect } from "effect"
import type { DriftlessClient } from "../api/client.ts"
import { findKind, KIND_NAMES, type KindName, kinds } from "../model/kinds/kinds.ts"
import { Connection } from "./connection.ts"
import { failed, wrongUse } from "./failure.ts"

type Listed = Effect.Success<ReturnType<DriftlessClient["Service"]["manifests"]["list"]>>
type Page = Extract<Listed, { readonly data: unknown }>
export type ManifestObject = Page["data"]["list"][number]

export interface ObjectKey {
  readonly kind: KindName
  readonly namespace: string
  readonly name: string
}

/** `dnsrecord/www`, as every command prints and takes it. */
export const labelOf = ({ kind, name }: Pick<ObjectKey, "kind" | "name">) => `${kind.toLowerCase()}/${name}`

export const keyOf = ({ kind, metadata }: ManifestObject): ObjectKey => ({
  kind,
  namespace: metadata.namespace ?? "",
  name: metadata.name
})

export const keyText = ({ kind, name, namespace }: ObjectKey) => `${kind} ${namespace} ${name}`

export interface Selection {
  /** Undefined: all of them. */
  readonly kind: KindName | undefined
  /** Empty: all of them. */
  readonly names: ReadonlyArray<string>
}

/** What a person means by `dnsrecords`, `dns www mail`, `dnsrecord/www` or `all`. */
export const select = Effect.fnUntraced(function* (what: string, names: ReadonlyArray<string>) {
  const [word = "", ...inside] = what.split("/")
  if (inside.length > 1 || (inside.length === 1 && names.length > 0)) {
    return yield* wrongUse(`"${[what, ...names].join(" ")}": write either KIND/NAME or KIND NAME`)
  }
  const wanted = [...inside, ...names].filter((name) => name !== "")
  if (word === "all") {
    if (wanted.length > 0) return yield* wrongUse("a name needs a kind before it")
    return { kind: undefined, names: [] } satisfies Selection
  }
  const kind = findKind(word)
  if (kind === undefined) return yield* wrongUse(`there is no kind "${word}"; the kinds are ${KINDS}`)
  return { kind, names: wanted } satisfies Selection
})

const KINDS = KIND_NAMES.map((kind) => [kinds[kind].plural, ...kinds[kind].shortNames].join(" or ")).join(", ")

export interface Filter extends Selection {
  /** Undefined: all of them. */
  readonly namespace: string | undefined
}

/** In the order of the kinds, and by name; what is asked for by name and is not there is left out. */
export const fetchObjects = Effect.fn("cli.fetchObjects")(function* ({ kind, names, namespace }: Filter) {
  const query = {
    ...(kind === undefined ? {} : { kind }),
    ...(namespace === undefined ? {} : { namespace })
  }
  if (names.length === 0 || names.length > FEW) {
    const all = yield* allPages((call, page) =>
      call(({ manifests }) => manifests.list({ query: { ...query, ...page } }))
    )
    return inOrder(names.length === 0 ? all : all.filter(({ metadata }) => names.includes(metadata.name)))
  }
  const found = yield* Effect.forEach([...new Set(names)], (name) =>
    allPages((call, page) => call(({ manifests }) => manifests.list({ query: { ...query, ...page, name } })))
  )
  return inOrder(found.flat())
})

/** Up to so many are asked for one by one; more come with a list of all. */
const FEW = 5

const inOrder = (objects: ReadonlyArray<ManifestObject>) =>
  KIND_NAMES.flatMap((kind) => objects.filter((object) => object.kind === kind))

/** Those of `selection` that are not in `found`, as lines that say so. */
export const missingOf = ({ kind, names }: Selection, found: ReadonlyArray<ManifestObject>) =>
  kind === undefined
    ? []
    : names
        .filter((name) => !found.some(({ metadata }) => metadata.name === name))
        .map((name) => `${labelOf({ kind, name })} not found`)

type Call = Connection["Service"]["call"]

interface PageOf<Item> {
  readonly data: { readonly list: ReadonlyArray<Item>; readonly total: number }
}

/** A list that changes while it is read can show an item twice: the later look counts. */
export const allPages = Effect.fnUntraced(function* <Item, E>(
  read: (call: Call, page: { readonly page: number; readonly pageSize: number }) => Effect.Effect<PageOf<Item>, E>
) {
  const { call } = yield* Connection
  const items: Array<Item> = []
  for (let page = 1; page <= MOST_PAGES; page++) {
    const { list, total } = (yield* read(call, { page, pageSize: PAGE_SIZE })).data
    items.push(...list)
    if (list.length < PAGE_SIZE || page * PAGE_SIZE >= total) return items
  }
  return yield* failed(`the list has more than ${MOST_PAGES * PAGE_SIZE} entries; ask for fewer`)
})

const PAGE_SIZE = 100
const MOST_PAGES = 10_000
