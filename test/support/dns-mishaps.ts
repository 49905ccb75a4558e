/** What stories of DNS do to a world, and what they ask it, again and again. */
import type { StoredRecord } from "../../src/simulator/zone-store.ts"
import { type World, ZONE } from "./dns-world.ts"

/** From now on any batch that holds this text is rejected, as bad content is. */
export const rejectAlways = ({ control }: World, body: string): (() => void) =>
  control.addFault({
    match: { kind: "batch", body },
    times: "always",
    effect: { do: "answer", status: 400, code: 9003, message: "Target is not allowed" }
  })

/** Somebody else makes a record, without asking the API. */
export const strange = (
  { control }: World,
  record: Readonly<{
    type: string
    name: string
    content: string
    comment?: string
    readOnly?: boolean
    ttl?: number
    priority?: number
  }>
): StoredRecord => control.edit({ op: "create", zone: ZONE, record })

export const aDay = async (world: World): Promise<void> => {
  for (let hour = 0; hour < 24; hour++) {
    await world.advance("1 hour")
    await world.settle()
  }
}

export const remove = (world: World, name: string) =>
  world.sql("delete from domain_dns_records where name = $1", [name])

/** Rows of addresses, `n0`, `n1` and so on. */
export const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `n${i}`, value: `192.0.2.${(i % 200) + 1}` }))

/** How many rows have been charged with a failure. */
export const charged = async (world: World): Promise<number> => {
  const [counted] = await world.sql<{ rows: number }>(
    "select count(*)::int as rows from dns_records where retry_count > 0"
  )
  return counted?.rows ?? -1
}

/** Whether all rows are active. */
export const isActive = async (world: World): Promise<boolean> => {
  const [counted] = await world.sql<{ others: number }>(
    "select count(*)::int as others from domain_dns_records where status <> 'active'"
  )
  return counted?.others === 0
}
