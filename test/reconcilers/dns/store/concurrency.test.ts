/** The stores on a real PostgreSQL, where others write at the same time. */
import { describe, expect, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { sql } from "kysely"
import { randomBytes } from "node:crypto"
import { Secrets } from "../../../../src/database/secrets.ts"
import { Wakes } from "../../../../src/database/wake.ts"
import { CredentialSources } from "../../../../src/reconcilers/dns/store/credential-sources.ts"
import * as domains from "../../../../src/reconcilers/dns/store/domains.ts"
import * as credentials from "../../../../src/reconcilers/dns/store/credentials.ts"
import * as manifestViews from "../../../../src/reconcilers/dns/store/manifest-views.ts"
import * as manifests from "../../../../src/reconcilers/dns/store/manifests.ts"
import * as recordViews from "../../../../src/reconcilers/dns/store/record-views.ts"
import * as records from "../../../../src/reconcilers/dns/store/records.ts"
import { anyPostgres, layerFresh, rows, skipped } from "../../../support/database.ts"

const offer = await anyPostgres()

const services = Layer.mergeAll(
  Wakes.layer,
  Secrets.layer(Redacted.make(randomBytes(32))),
  CredentialSources.layer({ environment: {}, names: [], directory: undefined })
).pipe(Layer.provideMerge(layerFresh(offer)))

const aDomain = Effect.fnUntraced(function* (domain: string) {
  const key = yield* credentials.create({
    name: domain,
    provider: "cloudflare",
    apiToken: Redacted.make("t".repeat(20))
  })
  return yield* domains.create({ domain, apiKeyId: key.id })
})

const aRecord = (name: string, values: ReadonlyArray<string>) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind: "DnsRecord",
  metadata: { name },
  spec: { domainRef: { name: "zone" }, type: "TXT", name, values, comment: name === "n0" ? undefined : "a note" }
})
const withoutUndefined = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const ZONE = [
  {
    apiVersion: "driftless.dev/v1alpha1",
    kind: "Credential",
    metadata: { name: "key" },
    spec: { provider: "cloudflare", tokenFrom: { env: "NOT_LISTED" } }
  },
  {
    apiVersion: "driftless.dev/v1alpha1",
    kind: "Domain",
    metadata: { name: "zone" },
    spec: { domain: "zone.test", credentialRef: { name: "key" } }
  }
]

describe.skipIf(offer.missing !== undefined)(`stores on PostgreSQL${skipped(offer)}`, () => {
  layer(services, { timeout: "2 minutes" })((it) => {
    it.effect("make one row of a record that twenty ask for at once, and tell the others", () =>
      Effect.gen(function* () {
        const domainId = yield* aDomain("once.test")
        const input = { domainId, type: "A", name: "www", value: "192.0.2.1" } as const
        const codes = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () =>
            records.create(input).pipe(
              Effect.as(0),
              Effect.catchTag("Refused", ({ code }) => Effect.succeed(code))
            ),
          { concurrency: "unbounded" }
        )
        expect(codes.toSorted((a, b) => a - b)).toEqual([0, ...Array.from({ length: 19 }, () => 3002)])
        expect((yield* recordViews.list({ domainId }, { page: 1, pageSize: 20 })).total).toBe(1)
      })
    )

    it.effect("apply documents that overlap, in any order, without losing one", () =>
      Effect.gen(function* () {
        yield* manifests.apply(ZONE, { dryRun: false })
        const names = Array.from({ length: 30 }, (_, index) => `n${index}`)
        const set = (values: ReadonlyArray<string>, order: ReadonlyArray<string>) =>
          manifests.apply(
            order.map((name) => withoutUndefined(aRecord(name, values))),
            { dryRun: false }
          )
        yield* set(["one"], names)
        yield* Effect.all([set(["two"], names), set(["three"], names.toReversed()), set(["two", "three"], names)], {
          concurrency: "unbounded"
        })
        const present = yield* rows(sql<{ name: string; values: string }>`
          select name, string_agg(value, ' ' order by value) as values from dns_records
          where desired_state = 'present' and manifest_id is not null group by name`)
        expect(present).toHaveLength(30)
        // Each request is all or none: whichever came last, every record says the same.
        expect(new Set(present.map(({ values }) => values)).size).toBe(1)
        expect(present[0]?.values).not.toContain("one")
      })
    )

    it.effect("show what was applied, with numbers as numbers", () =>
      Effect.gen(function* () {
        const { list, total } = yield* manifestViews.list({ kind: "DnsRecord", name: "n0" }, { page: 1, pageSize: 5 })
        expect(total).toBe(1)
        expect(list[0]?.metadata.generation).toBeTypeOf("number")
        expect(list[0]?.status.records).toMatchObject({ active: 0, error: 0 })
        expect(list[0]?.status.conditions[0]).toMatchObject({ type: "Ready", status: "False", reason: "Pending" })
      })
    )

    it.effect("never leave a record in a domain that is deleted at the same time", () =>
      Effect.gen(function* () {
        const domainId = yield* aDomain("race.test")
        const outcome = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.result(effect)
        const [made, removed] = yield* Effect.all(
          [
            outcome(records.create({ domainId, type: "A", name: "www", value: "192.0.2.1" })),
            outcome(domains.remove([domainId]))
          ],
          { concurrency: "unbounded" }
        )
        expect([made._tag, removed._tag].toSorted()).toEqual(["Failure", "Success"])
        const refused =
          made._tag === "Failure" ? made.failure : removed._tag === "Failure" ? removed.failure : undefined
        expect(refused?._tag).toBe("Refused")
      })
    )
  })
})
