/**
 * A pass that dies: before and after each of its transactions and each of its calls, one test for each place. Whoever
 * comes next makes the zone what the rows ask for, with nothing twice and nothing left over.
 */
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { insertRecords, MARK, shown, startWorld, type World } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

/** Milliseconds; seconds on a machine of one's own. */
const SOME_TWENTY_PASSES = 300_000

const BEFORE = [
  { name: "changed", value: "192.0.2.1" },
  { name: "swapped", type: "CNAME", value: "target.example.net" },
  { name: "settings", type: "TXT", value: "words" },
  { name: "deleted", value: "192.0.2.2" },
  { name: "kept", type: "MX", value: "10 mail.example.net" }
]

/** All that can be asked for at once: a value, a type, a setting, a deletion, a creation. */
const change = async () => {
  await world.sql("update dns_records set value = '192.0.2.9' where name = 'changed'")
  await world.sql("update dns_records set type = 'A', value = '192.0.2.8' where name = 'swapped'")
  await world.sql("update dns_records set ttl = 600 where name = 'settings'")
  await world.sql("delete from domain_dns_records where name = 'deleted'")
  await insertRecords(world, [
    { name: "created", value: "192.0.2.3" },
    { name: "created", value: "192.0.2.4" },
    { name: "created", type: "TXT", value: "more words" }
  ])
}

const AFTER = [
  "changed.example.test A 192.0.2.9",
  "created.example.test A 192.0.2.3",
  "created.example.test A 192.0.2.4",
  'created.example.test TXT "more words"',
  "kept.example.test MX mail.example.net",
  'settings.example.test TXT "words"',
  "swapped.example.test A 192.0.2.8"
]

const begun = async (isMarked = true) => {
  if (!isMarked) {
    await world.settle("one")
    await world.sql("update dns_zones set zone_type = 'secondary'")
    await world.sql("update domains set adoption = 'Never'")
  }
  await insertRecords(world, BEFORE)
  await world.settle("one")
  // Few operations a call, so that a pass has several of them.
  await world.sql("update domain_dns_providers set batch_limit = 3")
  await change()
}

/** Runs a pass that dies at the nth step; answers what that step was, or undefined where there are fewer. */
const dieAt = async (nth: number): Promise<string | undefined> => {
  let count = 0
  let place: string | undefined
  await world.pass("one", (step) =>
    Effect.suspend(() => {
      count++
      if (count !== nth) return Effect.void
      place = step
      return Effect.interrupt
    })
  )
  return place
}

const isWritten = async () => {
  const rows = (await world.rows()).filter((row) => row.desired_state === "present")
  return rows.length === AFTER.length && rows.every(({ status }) => status === "active")
}

/** What the world is like once it is as asked for; the place where the pass died comes along, to name it in a failure. */
const seen = async (place: string) => {
  const rows = await world.rows()
  const ledger = await world.sql<{ id: string }>("select provider_record_id as id from dns_ledger order by 1")
  return {
    place,
    zone: shown(world.zone()),
    comments: [...new Set(world.zone().map(({ comment }) => comment))],
    rows: rows.map((row) => row.provider_record_id).toSorted(),
    ledger: ledger.map(({ id }) => id)
  }
}

const expectConverged = async (place: string, replica: string, mark: string | null = MARK) => {
  // At most the lease of the dead one and the time in which its last write may still land.
  await world.until(isWritten, "15 seconds", replica)
  expect({ place, zone: shown(world.zone()) }).toEqual({ place, zone: AFTER.toSorted() })
  // A deletion of which the answer was lost is believed after two lists that are 60 s apart.
  await world.until(async () => (await world.rows()).length === AFTER.length, "2 minutes", replica)
  const ids = world
    .zone()
    .map(({ id }) => id)
    .toSorted()
  expect(await seen(place)).toEqual({ place, zone: AFTER.toSorted(), comments: [mark], rows: ids, ledger: ids })
}

const expectQuiet = async (place: string, replica: string) => {
  world.calls()
  for (let i = 0; i < 4; i++) {
    await world.advance("40 seconds")
    await world.settle(replica)
  }
  const tombstones = await world.sql("select * from dns_tombstones")
  expect({ place, writes: world.calls()["batch"], tombstones }).toEqual({ place, writes: undefined, tombstones: [] })
}

describe("a pass that dies at any of its steps", () => {
  it.each([
    ["another replica takes the zone over", "two", true],
    ["the same replica goes on, with the list that it remembers", "one", true],
    ["the same replica goes on where neither comments nor adoption can help", "one", false]
  ])(
    "is finished when %s",
    async (_, successor, isMarked) => {
      const places: Array<string> = []
      for (let nth = 1; ; nth++) {
        await world.fresh()
        await begun(isMarked)
        const place = await dieAt(nth)
        if (place === undefined) break
        places.push(place)
        await expectConverged(`${nth}: ${place}`, successor, isMarked ? MARK : null)
        if (nth % 8 === 0) await expectQuiet(`${nth}: ${place}`, successor)
      }
      expect(places.filter((place) => place === "after batch").length).toBeGreaterThan(2)
      expect(new Set(places)).toContain("before dns.accepted")
    },
    SOME_TWENTY_PASSES
  )

  it("is finished when it died again and again, each time one step further", async () => {
    await begun()
    for (let nth = 1; nth < 12; nth++) {
      await dieAt(nth)
      await world.advance("32 seconds")
    }
    await expectConverged("again and again", "two")
    await expectQuiet("again and again", "two")
  })
})

describe("a deleted document", () => {
  const begunWith = async (wasSent: boolean) => {
    if (!wasSent) await world.sql("update api_keys set api_token = ''")
    const [id] = await insertRecords(world, [{ name: "last", value: "192.0.2.1" }])
    await world.sql("insert into manifests (kind, name, spec) values ('DnsRecord', 'last', '{}')")
    await world.sql("update dns_records set manifest_id = 1 where id = $1", [id])
    await world.settle("one")
    await world.sql("update manifests set deleted_at = driftless_now()")
    await world.sql("update dns_records set desired_state = 'absent' where name = 'last'")
    // Without a token a zone is due again later.
    if (!wasSent) await world.sql("update reconcile_work set due_at = driftless_now()")
  }
  const isGone = async () => (await world.sql("select from manifests")).length === 0

  it.each([
    ["with its last record", true],
    ["with what was never sent", false]
  ])(
    "goes %s, wherever the pass died",
    async (_, wasSent) => {
      for (let nth = 1; ; nth++) {
        await world.fresh()
        await begunWith(wasSent)
        const place = await dieAt(nth)
        if (place === undefined) break
        await world.until(isGone, "2 minutes", "two").catch((error: unknown) => {
          throw new Error(`${nth}: ${place}`, { cause: error })
        })
      }
    },
    SOME_TWENTY_PASSES
  )
})

describe("a pass that is asked to stop", () => {
  it("ends between two calls, and the next one does the rest", async () => {
    await begun()
    world.calls()
    let sent = 0
    const [verdict] = await world.pass(
      "one",
      (step) => Effect.sync(() => void (sent += step === "after batch" ? 1 : 0)),
      Effect.sync(() => sent > 0)
    )
    expect(world.calls()["batch"]).toBe(1)
    expect(verdict?.completion?.settled).toBe(false)
    await world.settle("two")
    expect(shown(world.zone())).toEqual(AFTER.toSorted())
  })

  it("holds no lease that another replica would have to wait for", async () => {
    await begun()
    await world.pass("one", undefined, Effect.succeed(true))
    const [work] = await world.sql("select owner from reconcile_work")
    expect(work).toEqual({ owner: null })
    expect(world.zone()).toHaveLength(BEFORE.length)
  })
})
