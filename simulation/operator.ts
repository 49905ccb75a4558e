/**
 * An operator who works on the database itself, through the view that is made for it: nothing of the product runs, and
 * nobody is told, so what follows must follow from the schema.
 */
import { Process } from "./kernel.ts"
import { attempt } from "./outside.ts"
import { type Step, wordsOf } from "./steps.ts"
import type { World } from "./world.ts"

export type SqlStep = Extract<Step, { readonly do: `sql ${string}` }>
export const isSql = (step: Step): step is SqlStep => step.do.startsWith("sql ")

/** As it would be typed: one statement, and its own transaction. Not of rows of other owners. */
export const operate = ({ kernel, store, storeWatch, zones }: World, step: SqlStep): void => {
  const sentAt = kernel.now
  const domain = storeWatch.domainOf(zones[step.zone] ?? "") ?? 0
  const own = "where domain_id = $1 and type = $2 and name = $3 and owner_id = 0 and desired_state = 'present'"
  const changes = step.do === "sql update" ? Object.entries(step.set) : []
  const set = changes.map(([column], index) => `${column} = $${4 + index}`).join(", ")
  const text = step.do === "sql delete" ? "delete from domain_dns_records" : `update domain_dns_records set ${set}`
  const parameters = [domain, step.type, step.name, ...changes.map(([, value]) => value)]
  store.session.setTime(store.now)
  const outcome = attempt(() => store.session.query(`${text} ${own}`, parameters))
  kernel.say(`operator: ${wordsOf(step)}: ${outcome.ok ? "done" : "refused"}`)
  if (outcome.ok) store.committed({ site: "sql", process: OPERATOR, pass: undefined, parameters, sentAt })
  else {
    store.rolledBack()
    if (!isTaken(outcome.error)) throw outcome.error
  }
}

const OPERATOR = new Process("operator")

/** Another row asks for the same already. */
const isTaken = (error: unknown): boolean => (error as { readonly code?: string }).code === "23505"
