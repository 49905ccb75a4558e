/** The orders of statements of each pair of store transactions, on a real PostgreSQL. */
import { Context, Effect, type Exit, Layer, Redacted } from "effect"
import pg from "pg"
import { debianBinaries, npmBinaries, startServer } from "../../test/support/postgres.ts"
import { migrate } from "../../src/database/migrate.ts"
import { layerPostgres } from "../../src/database/postgres.ts"
import { sharedMetrics } from "../replica.ts"
import { explore } from "./explore.ts"
import { Side } from "./gate.ts"
import { CLOCKS, clockOf, EMPTY, FIXTURE } from "./fixture.ts"
import { type After, broken, type Ended } from "./pairs.ts"
import { effectOf, servicesOf, TRANSACTIONS, type Transaction, turnsOf } from "./transactions.ts"

const server = () => {
  try {
    return startServer(npmBinaries())
  } catch {
    return startServer(debianBinaries(15))
  }
}

export const runStatements = async (): Promise<boolean> => {
  const { stop, url } = await server()
  const address = url("postgres")
  const control = new pg.Client({ connectionString: address })
  const sides = [new Side("first", address), new Side("second", address)] as const
  try {
    await Effect.runPromise(Effect.provide(migrate(), layerPostgres({ url: Redacted.make(address), poolSize: 1 })))
    await control.connect()
    for (const [index, side] of sides.entries()) {
      await side.open()
      await side.client.query(clockOf(index + 1))
    }
    return await everyPair(control, sides)
  } finally {
    await Promise.allSettled([control.end(), ...sides.map(({ client }) => client.end())])
    await stop()
  }
}

const everyPair = async (control: pg.Client, sides: readonly [Side, Side]): Promise<boolean> => {
  const metrics = await sharedMetrics()
  const epoch = String((await control.query("select driftless_epoch() as epoch")).rows[0]?.epoch)
  let isGood = true
  for (const [i, first] of TRANSACTIONS.entries()) {
    for (const second of TRANSACTIONS.slice(i)) {
      let found: string | undefined
      await control.query(EMPTY)
      const { deadlocks, orders } = await explore(control, sides, turnsOf(first, second), async () => {
        await control.query(FIXTURE)
        const exits: Array<Exit.Exit<unknown, unknown>> = []
        const over = Promise.all(
          ([first, second] as const).map(async (transaction, index) => {
            const side = sides[index === 0 ? 0 : 1]
            side.begin()
            exits[index] = await run(transaction, side, `${side.name} owner`, epoch, metrics)
            side.state = "over"
          })
        )
        return {
          over,
          check: async ({ deadlocks: met, ends, steps }) => {
            const ended = ([first, second] as const).map((transaction, index): Ended => {
              const side = sides[index === 0 ? 0 : 1]
              const exit = exits[index]
              if (exit === undefined) throw new Error("a side has not ended")
              return {
                transaction,
                me: `${side.name} owner`,
                clock: CLOCKS[index + 1] ?? 0,
                exit,
                at: ends.get(side.name) ?? 0,
                hasWaited: side.hasWaited
              }
            })
            const [one, two] = ended
            if (one === undefined || two === undefined) return
            const wrong =
              broken([one, two], await lookAt(control)) ?? (met > 0 ? "LockOrder the two met in a deadlock" : undefined)
            if (wrong !== undefined) found ??= `${wrong}, in the order ${steps.join(" ")}`
          }
        }
      })
      if (found !== undefined) isGood = false
      const verdict = found === undefined ? "holds" : `FAILS ${found}`
      console.log(`${verdict} · ${first} and ${second} · ${orders} orders of statements, ${deadlocks} deadlocks`)
    }
  }
  return isGood
}

const run = (
  transaction: Transaction,
  side: Side,
  me: string,
  epoch: string,
  metrics: Parameters<typeof servicesOf>[1]
) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const context = yield* Layer.build(servicesOf(side.database, metrics))
        return yield* Effect.exit(
          Effect.provide(effectOf(transaction, me, epoch), Context.merge(Context.empty(), context))
        )
      })
    )
  )

const lookAt = async (control: pg.Client): Promise<After> => {
  const { rows } = await control.query<{ after: After }>(`
    select jsonb_build_object(
      'work', (select jsonb_object_agg(reconciler || ' ' || key, jsonb_build_object('owner', owner, 'fence', fence,
        'generation', generation, 'observed', observed, 'due', extract(epoch from due_at) * 1000)) from reconcile_work),
      'records', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'domainId', domain_id, 'name', name, 'value', value,
        'isPresent', desired_state = 'present', 'generation', generation, 'observed', observed_generation,
        'recordId', provider_record_id)), '[]') from dns_records),
      'ledger', (select coalesce(jsonb_agg(coalesce(provider_record_id, name)), '[]') from dns_ledger),
      'tombstones', (select coalesce(jsonb_agg(provider_record_id), '[]') from dns_tombstones),
      'manifests', (select coalesce(jsonb_agg(name), '[]') from manifests),
      'used', (select used from api_budgets)) as after`)
  const [row] = rows
  if (row === undefined) throw new Error("the rows are gone")
  return row.after
}
