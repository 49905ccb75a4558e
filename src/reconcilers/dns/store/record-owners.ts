/** Says which object asks for a record, where a refusal names the record by its id alone. */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"

const RECORD = /\brecord (\d+)\b/u

/** Answers how to put the object's name in the place of the record's id; what no object asks for keeps its id. */
export const ownersNamed = Effect.fn("records.ownersNamed")(function* (messages: ReadonlyArray<string>) {
  const ids = [...new Set(messages.flatMap((message) => RECORD.exec(message)?.[1] ?? []))]
  const owners = new Map<string, string>()
  if (ids.length > 0) {
    const { query } = yield* Database
    const { rows } = yield* query("records.owners", (db) =>
      sql<{ id: number; kind: string; namespace: string; name: string }>`
        select r.id, m.kind, m.namespace, m.name from dns_records r join manifests m on m.id = r.manifest_id
        where r.id = any(${ids.map(Number)}::bigint[])`.execute(db)
    )
    for (const { id, kind, name, namespace } of rows) {
      owners.set(String(id), `the ${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`)
    }
  }
  return (message: string) => message.replace(RECORD, (text, id: string) => owners.get(id) ?? text)
})
