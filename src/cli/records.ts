/** `driftless records`: the rows of DNS as the HTTP API shows them, each with its own status. */
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { DriftlessClient } from "../api/client.ts"
import { OwnerType } from "../model/dns/record.ts"
import { Connection } from "./connection.ts"
import { failed } from "./failure.ts"
import { allPages } from "./objects.ts"
import { asJson, asYaml, type Output } from "./output.ts"
import { painter } from "./print.ts"
import { type Column, renderTable, shorten, type Tone } from "./table.ts"

type Client = DriftlessClient["Service"]
type Listed = Extract<Effect.Success<ReturnType<Client["dns"]["list"]>>, { readonly data: unknown }>
type DnsRow = Listed["data"]["list"][number]

const STATUSES = ["pending", "running", "active", "error"] as const

export const records = Command.make(
  "records",
  {
    domain: Flag.String("domain").pipe(Flag.withAlias("d"), Flag.withDescription("Only of this domain"), Flag.optional),
    status: Flag.Literals("status", STATUSES).pipe(Flag.withDescription("Only with this status"), Flag.optional),
    ownerType: Flag.Literals("owner-type", OwnerType.literals).pipe(
      Flag.withDescription("Only of such owners"),
      Flag.optional
    ),
    output: Flag.Literals("output", ["table", "wide", "json", "yaml"]).pipe(
      Flag.withAlias("o"),
      Flag.withDescription("How to print it"),
      Flag.withDefault("table" as const)
    )
  },
  Effect.fn("cli.records")(
    function* ({ domain, output, ownerType, status }) {
      const domains = yield* domainNames
      const domainId = yield* idOf(Option.getOrUndefined(domain), domains)
      const rows = yield* fetchRows({
        ...(domainId === undefined ? {} : { domainId }),
        ...(Option.isSome(status) ? { status: status.value } : {}),
        ...(Option.isSome(ownerType) ? { ownerType: ownerType.value } : {})
      })
      yield* print(rows, domains, output)
    },
    Effect.provide(Connection.layer),
    Effect.scoped
  )
).pipe(
  Command.withDescription("Show DNS rows, each with its status"),
  Command.withExamples([
    { command: "driftless records --status error -o wide", description: "What the provider refused, and why" }
  ])
)

interface RowFilter {
  readonly domainId?: number
  readonly status?: (typeof STATUSES)[number]
  readonly ownerType?: OwnerType
}

export const fetchRows = (filter: RowFilter) =>
  allPages((call, page) => call(({ dns }) => dns.list({ query: { ...filter, ...page } })))

/** Names of domains by id. */
const domainNames = Effect.gen(function* () {
  const all = yield* allPages((call, page) => call(({ domains }) => domains.list({ query: page })))
  return new Map(all.map(({ domain, id }) => [id, domain]))
})

const idOf = Effect.fnUntraced(function* (name: string | undefined, domains: ReadonlyMap<number, string>) {
  if (name === undefined) return undefined
  const wanted = name.toLowerCase().replace(/\.$/u, "")
  const found = [...domains].find(([, domain]) => domain === wanted)
  return found === undefined ? yield* failed(`there is no domain "${name}"`) : found[0]
})

const print = Effect.fnUntraced(function* (
  rows: ReadonlyArray<DnsRow>,
  domains: ReadonlyMap<number, string>,
  output: Exclude<Output, "name">
) {
  if (output === "json") return yield* Console.log(asJson(rows))
  if (output === "yaml") return yield* Console.log(asYaml(rows))
  if (rows.length === 0) return yield* Console.error("no records found")
  const paint = yield* painter
  yield* Console.log(renderTable(columns(domains, output === "wide"), rows, { paint }).join("\n"))
})

const columns = (domains: ReadonlyMap<number, string>, wide: boolean): ReadonlyArray<Column<DnsRow>> => [
  { title: "ID", cell: ({ id }) => String(id) },
  { title: "DOMAIN", cell: ({ domainId }) => domains.get(domainId) ?? String(domainId) },
  { title: "TYPE", cell: ({ type }) => type },
  { title: "NAME", cell: ({ name }) => name },
  { title: "VALUE", cell: ({ value }) => (wide ? value : shorten(value, 40)) },
  { title: "TTL", cell: ({ ttl }) => String(ttl) },
  { title: "STATUS", cell: ({ status }) => status, tone: ({ status }) => TONES[status] },
  { title: "RETRIES", cell: ({ retryCount, retryStopped }) => `${retryCount}${retryStopped ? " (stopped)" : ""}` },
  { title: "REASON", cell: ({ errorReason, status }) => (status === "error" ? (errorReason ?? "") : "") },
  ...(wide
    ? [
        { title: "STATE", cell: ({ desiredState }: DnsRow) => desiredState },
        {
          title: "OWNER",
          cell: ({ ownerId, ownerType }: DnsRow) => (ownerId === 0 ? ownerType : `${ownerType}/${ownerId}`)
        },
        { title: "PROVIDER-ID", cell: ({ providerRecordId }: DnsRow) => providerRecordId },
        { title: "ERROR", cell: ({ lastError }: DnsRow) => lastError }
      ]
    : [])
]

const TONES = { active: "good", pending: "busy", running: "busy", error: "bad" } as const satisfies Record<string, Tone>
