/**
 * L5 of what people see of a row, whenever they look: it is in error while its rejection waits or has stopped, active when
 * it stands as asked for, and else on its way. What becomes of a row by hand, as to ask for it again, goes by that too.
 */
import { type RecordRow, recordOf } from "./rows.ts"
import type { Change, Store } from "./store.ts"

const shouldBe = (row: RecordRow, now: number): ReadonlyArray<string> => {
  if (row.rejected && (row.stopped || row.nextRetryAt > now)) return ["error"]
  return row.observed === row.generation && !row.drifted ? ["active"] : ["pending", "running"]
}

/** The first of these rows that is not shown as it is. */
export const misshown = ({ now, session }: Store, rows: Iterable<RecordRow>): string | undefined => {
  const due = new Map(Array.from(rows, (row) => [row.id, row]))
  if (due.size === 0) return undefined
  session.setTime(now)
  const ids = `{${[...due.keys()].join(",")}}`
  const shown = session.query("select id, status from domain_dns_records where id = any($1::bigint[])", [ids]).rows
  for (const { id, status } of shown) {
    const row = due.get(Number(id))
    // Between two milliseconds nobody can tell.
    if (row === undefined || Math.abs(row.nextRetryAt - now) <= 1) continue
    if (shouldBe(row, now).includes(String(status))) continue
    return `record ${row.id}, ${row.type} ${row.name} ${row.value}, is shown as ${String(status)}, and is ${shouldBe(row, now)[0]}${row.rejected ? `: ${row.reason}` : ""}`
  }
  return undefined
}

/** What a transaction has just rejected is seen as that at once. */
export const checkShown = (store: Store, changes: ReadonlyArray<Change>): void => {
  const rows = changes.flatMap(({ new: after, table }) =>
    table === "dns_records" && after !== null ? [recordOf(after)] : []
  )
  const wrong = misshown(
    store,
    rows.filter(({ rejected }) => rejected)
  )
  if (wrong !== undefined) store.outside.kernel.fail("L5", wrong)
}
