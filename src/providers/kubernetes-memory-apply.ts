/**
 * Server-side apply of a status: who has applied what is kept beside it. What a manager leaves out that it had applied
 * goes, what others have applied stays, and conditions are a map by their type.
 */
import { isDeepStrictEqual } from "node:util"
import { Conflict, failure } from "./kubernetes.ts"

/** By field: the managers that have applied it. */
export type Owners = Map<string, Set<string>>

export interface Applying {
  /** Is changed to what follows. */
  readonly owners: Owners
  readonly manager: string
  readonly force: boolean
}

export const statusApplied = (before: unknown, given: unknown, { force, manager, owners }: Applying): unknown => {
  const fields = fieldsOf(before)
  const wanted = fieldsOf(given)
  for (const [field, value] of wanted) {
    const others = [...(owners.get(field) ?? [])].filter((other) => other !== manager)
    const isSame = isDeepStrictEqual(fields.get(field), value)
    if (!isSame && !force && others.length > 0) {
      throw failure(new Conflict({ message: `Apply failed with 1 conflict with "${others.join()}": .status.${field}` }))
    }
    owners.set(field, isSame ? new Set([...others, manager]) : new Set([manager]))
    fields.set(field, value)
  }
  for (const [field, managers] of owners) {
    if (wanted.has(field) || !managers.delete(manager) || managers.size > 0) continue
    owners.delete(field)
    fields.delete(field)
  }
  return statusOf(fields)
}

const CONDITION = "conditions/"

const fieldsOf = (status: unknown): Map<string, unknown> => {
  const { conditions = [], ...rest } = (status ?? {}) as { readonly conditions?: ReadonlyArray<{ type: string }> }
  return new Map<string, unknown>([
    ...Object.entries(rest),
    ...conditions.map((condition) => [CONDITION + condition.type, condition] as const)
  ])
}

const statusOf = (fields: ReadonlyMap<string, unknown>): unknown => {
  const isCondition = ([field]: readonly [string, unknown]) => field.startsWith(CONDITION)
  const conditions = [...fields].filter(isCondition).map(([, condition]) => condition)
  return {
    ...Object.fromEntries([...fields].filter((entry) => !isCondition(entry))),
    ...(conditions.length === 0 ? {} : { conditions })
  }
}
