/** No call of the product to the outside stays out of the simulation without a reason. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exactly, SITES } from "../../simulation/faults.ts"
import { sharedMetrics } from "../../simulation/replica.ts"
import { runScenario } from "../../simulation/run.ts"
import { SCENARIOS } from "../../simulation/scenarios.ts"
import { openTables } from "../../simulation/tables.ts"
import { type Bench, INSTANCE } from "../../simulation/world.ts"

const SRC = join(import.meta.dirname, "../../src")
const sourceOf = (file: string) => readFileSync(join(SRC, file), "utf8")
const FILES = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
/** The drivers below `Database` speak of another `query`. */
const DRIVERS = ["database/database.ts", "database/postgres.ts", "database/pglite.ts"]

/** How the source names its statements and transactions; some by helpers that put a word before the name. */
const CALLS: ReadonlyArray<readonly [call: RegExp, before: string]> = [
  [/\b(?:query|transaction)\(\s*(?<name>"[^"]*"|`[^`]*`|\w+)/gu, ""],
  [/\brun\((?<name>"[^"]*")/gu, ""],
  [/\binOne\(\s*claim,\s*(?<name>"[^"]*"|\w+)/gu, "dns."],
  [/\bzoneFacts\(\s*claim,\s*(?<name>"[^"]*")/gu, "dns."],
  [/\bfenced\(\s*claim,\s*(?<name>"[^"]*"|\w+)/gu, "kubernetes."]
]
/** The helpers themselves, and the statements of migrations. */
const COMPOSED = ["operation", "site", "`dns.${site}`", "`kubernetes.${site}`", "`migrate.${name}`"]

const found = FILES.filter((file) => !DRIVERS.includes(file)).flatMap((file) =>
  CALLS.flatMap(([call, before]) =>
    [...sourceOf(file).matchAll(call)].map(({ groups }) => ({ before, name: groups?.["name"] ?? "" }))
  )
)
const named = new Set(found.flatMap(({ before, name }) => (name.startsWith('"') ? [before + name.slice(1, -1)] : [])))

/** What no scenario comes to, and why that may be. */
const EXCEPTIONS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "it is over before the loop begins": [
    "auth.ensureAdmin",
    "instance.boot",
    "instance.identify",
    "instance.read",
    "instance.takeOver",
    "migrate",
    "migrate.begin",
    "migrate.done",
    "migrate.instance",
    "migrate.lock",
    "migrate.patience",
    "migrate.record",
    "quickstart.begin",
    "quickstart.empty",
    "quickstart.mark",
    "quickstart.show"
  ],
  "only who has an embedded database for itself does it, at its start": ["work.releaseAll"],
  "nothing is done by what it reads: it is shown, or measured": [
    "credentials.count",
    "credentials.list",
    "domains.count",
    "domains.get",
    "domains.list",
    "gauges.budgets",
    "gauges.records",
    "gauges.zones",
    "manifests.count",
    "manifests.list",
    "records.count",
    "records.list",
    "work.depth"
  ],
  "the API's HTTP is not simulated, only what its handlers call": ["auth.find", "health.migrated"],
  "it only says more of what is refused": [
    "domains.find",
    "manifests.domain.first",
    "references.credential",
    "references.domain"
  ],
  "no zone rests on a credential that is made or removed: that takes one that none refers to": [
    "credentials.create",
    "credentials.insert",
    "credentials.remove",
    "credentials.used"
  ],
  "a domain that is bound anew leaves its records behind by intent, against S8": [
    "rebind.binding",
    "rebind.fence",
    "rebind.forget",
    "rebind.records"
  ],
  "documents that come by the API share the statements of objects, in transactions that have tests of their own": [
    "manifests.apply",
    "manifests.remove"
  ],
  "nothing is abandoned or handed over in the simulation": [
    "dns.ledger.release",
    "dns.ledger.released",
    "manifests.abandon",
    "takeOver.dismiss",
    "takeOver.domain",
    "takeOver.end",
    "takeOver.records"
  ],
  "only faults or a provider that goes back bring it about, in random worlds": [
    "dns.tombstones.back",
    "records.revive",
    "records.same"
  ]
}
const excepted = Object.values(EXCEPTIONS).flat()

/** The calls of a port, by the members of its service. */
const membersOf = (file: string): ReadonlyArray<string> =>
  [...sourceOf(file).matchAll(/^ {4}(?<name>\w+)\(/gmu)].map(({ groups }) => groups?.["name"] ?? "")

describe("The calls of the product to the outside", () => {
  let bench: Bench
  const called = new Set<string>()
  const sent = new Set<string>()
  beforeAll(async () => {
    bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
    for (const scenario of SCENARIOS) {
      const verdict = await runScenario(bench, 1, scenario, exactly([]), "converged")
      for (const site of verdict.calls.keys()) called.add(site)
      for (const name of verdict.named) sent.add(name)
    }
  }, 180_000)
  afterAll(() => bench.session.close())

  it("are named in the source by words alone, but for the helpers that are known", () => {
    const composed = found.flatMap(({ name }) => (name.startsWith('"') ? [] : [name]))
    assert.sameMembers([...new Set(composed)], COMPOSED)
    assert.isAbove(named.size, 100)
  })

  it("are each made by some scenario without a fault, or named here with the reason why not", () => {
    assert.deepStrictEqual([...named].filter((name) => !sent.has(name)).toSorted(), excepted.toSorted())
  })

  it("are all seen: what a scenario sends is in the source by that name", () => {
    assert.deepStrictEqual(
      [...sent].filter((name) => !named.has(name)),
      []
    )
  })

  it("can each be struck: every site of the table is called by some scenario without a fault, and no other is", () => {
    assert.sameMembers([...called], Object.keys(SITES))
  })

  it("to providers and API servers are those that have sites", () => {
    assert.deepStrictEqual(membersOf("providers/dns.ts"), ["findZone", "list", "permit", "batch"])
    assert.deepStrictEqual(membersOf("providers/kubernetes.ts"), ["list", "watch", "get", "create", "replace", "patch"])
  })

  it("open sockets nowhere but where the simulation puts itself, and where no replica is", () => {
    const opening =
      /"(?:node:(?:https?|http2|tls|dgram|dns(?:\/promises)?|child_process)|pg|undici)"|\bfetch\(|FetchHttpClient/u
    const files = FILES.filter((file) => opening.test(sourceOf(file)) && !/^(?:cli|simulator)\//u.test(file))
    assert.sameMembers(files, [
      // Under `Database`, and under the API server's wire.
      "database/postgres.ts",
      "providers/kubernetes-access.ts",
      "providers/kubernetes-http.ts",
      // It answers, and is asked by the CLI.
      "api/client.ts",
      "api/server.ts"
    ])
  })
})
