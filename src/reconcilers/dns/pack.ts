/**
 * Packs operations into as few batch calls as the limit allows. Pure.
 *
 * What must change together stays together: at a name where a CNAME or an NS comes or goes, the deletion of the
 * old and the creation of the new record are one atom, so that there is no moment without an answer. Everything
 * else is an atom of its own, so that a rejection can be traced to one record.
 */
import { nameOf, type Operation } from "./operation.ts"

export type Atom = ReadonlyArray<Operation>

/** Deletions come first, since they make room in the zone's quota; then patches, then posts. */
export const atomsOf = (operations: ReadonlyArray<Operation>): ReadonlyArray<Atom> => {
  const exclusive = new Set(operations.filter(isExclusive).map(nameOf))
  const [together, alone] = [
    operations.filter((operation) => exclusive.has(nameOf(operation))),
    operations.filter((operation) => !exclusive.has(nameOf(operation)))
  ]
  const atoms = [...alone.map((operation) => [operation]), ...Map.groupBy(together, nameOf).values()]
  return atoms.map((atom) => atom.toSorted(byKind)).toSorted((a, b) => rank(a[0]) - rank(b[0]))
}

/** Whether it needs room in the zone's quota. A swap does not: its deletion comes first. */
export const grows = (atom: Atom): boolean => {
  const counts = (tag: Operation["_tag"]) => atom.filter(({ _tag }) => _tag === tag).length
  return counts("Post") > counts("Delete")
}

const isExclusive = (operation: Operation) => {
  const types = operation._tag === "Post" ? [operation.wanted.type] : [operation.record.type]
  return types.some((type) => type === "CNAME" || type === "NS")
}

const RANKS = { Delete: 0, Patch: 1, Unmark: 1, Post: 2 } as const
const rank = (operation: Operation | undefined) => (operation === undefined ? 0 : RANKS[operation._tag])
const byKind = (a: Operation, b: Operation) => rank(a) - rank(b)

/**
 * Batches of at most `limit` operations. A larger atom has a batch to itself; what is larger than `most`, which the
 * provider would not take, is cut, its deletions first.
 */
export const pack = (atoms: ReadonlyArray<Atom>, limit: number, most = limit): ReadonlyArray<ReadonlyArray<Atom>> => {
  const batches: Array<Array<Atom>> = []
  let room = 0
  for (const atom of atoms.flatMap((whole) => cut(whole, most))) {
    if (batches.length === 0 || atom.length > room) {
      batches.push([])
      room = limit
    }
    batches.at(-1)?.push(atom)
    room -= atom.length
  }
  return batches
}

const cut = (atom: Atom, limit: number): ReadonlyArray<Atom> =>
  atom.length <= limit
    ? [atom]
    : Array.from({ length: Math.ceil(atom.length / limit) }, (_, i) => atom.slice(i * limit, (i + 1) * limit))

/** Two halves of a rejected batch, to find what was rejected. */
export const halve = (atoms: ReadonlyArray<Atom>): readonly [ReadonlyArray<Atom>, ReadonlyArray<Atom>] => {
  const middle = Math.ceil(atoms.length / 2)
  return [atoms.slice(0, middle), atoms.slice(middle)]
}
