/**
 * `npm start`: the control plane on embedded defaults. Without an account and on a database of its own it brings a
 * simulated Cloudflare along, asks for a few records there and shows them converge. In any other case it applies
 * nothing and says how to begin: nobody's zone is written to unasked.
 */
import { Clock, Effect, Layer } from "effect"
import { sql } from "kysely"
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import { type Environment, readSettings, type Settings } from "./config.ts"
import { Database } from "./database/database.ts"
import { instance } from "./database/instance.ts"
import { controlPlane, type Listening } from "./main.ts"
import * as logging from "./logging.ts"
import { runProcess } from "./process.ts"
import { CredentialSources } from "./reconcilers/dns/store/credential-sources.ts"
import * as manifests from "./reconcilers/dns/store/manifests.ts"
import { Endpoints } from "./reconcilers/dns/zone.ts"
import { type Simulator, startSimulator } from "./simulator/server.ts"

const EXAMPLES = new URL("../examples/quickstart/", import.meta.url)
/** Only a credential that names this variable meets the simulator; any other talks to the real API. */
const SIMULATOR_VARIABLE = "DRIFTLESS_SIMULATOR_TOKEN"
const ZONE = "example.test"

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

export const quickstart = (environment: Environment) =>
  Effect.gen(function* () {
    const settings = yield* Effect.fromResult(readSettings(environment))
    const level = environment["DRIFTLESS_LOG_LEVEL"] === undefined ? "warn" : settings.DRIFTLESS_LOG_LEVEL
    const alone = !["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_BASE_URL", "DATABASE_URL"].some((name) => environment[name])
    const program = alone ? withSimulator(settings, environment) : withoutSimulator(settings, environment)
    return yield* Effect.provide(program, logging.layer({ format: settings.DRIFTLESS_LOG_FORMAT, level }))
  })

const withoutSimulator = (settings: Settings, environment: Environment) => {
  const onListening = (urls: Listening) => say(howToBegin(settings, urls))
  return Layer.launch(controlPlane(settings, environment, { onListening }))
}

const withSimulator = (settings: Settings, environment: Environment) =>
  Effect.scoped(
    Effect.gen(function* () {
      const simulator = yield* simulated(settings.DRIFTLESS_DATA_DIR)
      const credentials = CredentialSources.layer({
        environment: { ...environment, [SIMULATOR_VARIABLE]: TOKEN },
        names: [...settings.DRIFTLESS_CREDENTIAL_ENV, SIMULATOR_VARIABLE],
        directory: settings.DRIFTLESS_CREDENTIAL_DIR
      })
      const endpoints = Layer.effect(
        Endpoints,
        Effect.map(Endpoints, (others) =>
          Endpoints.of({
            of: (tokenFrom) =>
              tokenFrom === `env:${SIMULATOR_VARIABLE}`
                ? { baseUrl: simulator.url, boundTo: "simulator" }
                : others.of(tokenFrom)
          })
        )
      ).pipe(Layer.provide(Endpoints.layer(undefined)))
      let listening: Listening | undefined
      const onListening = (urls: Listening) => Effect.sync(() => void (listening = urls))
      const plane = controlPlane(settings, environment, { credentials, endpoints, onListening })
      return yield* Effect.provide(
        Effect.gen(function* () {
          const begun = yield* begin()
          const urls = listening ?? { api: "", metrics: "" }
          if (begun === "someone else's") return yield* Effect.andThen(say(howToBegin(settings, urls)), Effect.never)
          yield* say(
            `Driftless ${begun === "new" ? "asks for the records of examples/quickstart" : "goes on"} in the zone ${ZONE} of a simulated Cloudflare.\n`
          )
          yield* show()
          yield* say(`${whereNext(settings, urls)}${howToMeddle(simulator)}`)
          return yield* Effect.never
        }),
        plane
      )
    })
  )

/** The simulator with the zone as it was left. */
const simulated = Effect.fnUntraced(function* (directory: string) {
  const file = join(directory, "simulator.json")
  const snapshot = yield* Effect.sync(() => readOptional(file))
  const simulator = yield* Effect.acquireRelease(
    Effect.promise(() =>
      startSimulator({ zones: [ZONE], tokens: [TOKEN], ...(snapshot === undefined ? {} : { snapshot }) })
    ),
    (running) => Effect.promise(() => running.close())
  )
  const { control } = simulator.engine
  let saved = control.revision()
  const save = Effect.sync(() => {
    if (control.revision() === saved) return
    saved = control.revision()
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // Renamed over the old one, so that a crash leaves one of the two whole.
    writeFileSync(`${file}.new`, control.snapshot(), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  })
  yield* Effect.addFinalizer(() => save)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), save)))
  return simulator
})

const readOptional = (file: string) => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // There is none on the first start.
    return undefined
  }
}

/** Fills an empty database with the examples. One that was filled by a person is left alone. */
const begin = Effect.fnUntraced(function* () {
  const { query, transaction } = yield* Database
  return yield* transaction(
    "quickstart.begin",
    Effect.gen(function* () {
      if ((yield* instance()).quickstart) return "again" as const
      const { rows } = yield* query("quickstart.empty", (db) =>
        sql<{
          filled: boolean
        }>`select exists (select from api_keys) or exists (select from domains) as filled`.execute(db)
      )
      if (rows[0]?.filled !== false) return "someone else's" as const
      yield* manifests.apply(examples(), { dryRun: false })
      yield* query("quickstart.mark", (db) => sql`update driftless_instance set quickstart = true`.execute(db))
      return "new" as const
    })
  )
})

const examples = (): ReadonlyArray<unknown> =>
  readdirSync(EXAMPLES)
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(new URL(name, EXAMPLES), "utf8")))
    .map((document) => document.toJS() as unknown)

interface Shown {
  readonly id: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly status: string
  readonly last_error: string
}

/** Tells of each record whenever its status changes, until all are settled or a minute is over. */
const show = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  const began = yield* Clock.currentTimeMillis
  const told = new Map<number, string>()
  const look = Effect.gen(function* () {
    const rows: ReadonlyArray<Shown> = yield* query("quickstart.show", (db) =>
      db
        .selectFrom("domain_dns_records")
        .select(["id", "type", "name", "value", "status", "last_error"])
        .orderBy("id")
        .execute()
    )
    const seconds = (((yield* Clock.currentTimeMillis) - began) / 1000).toFixed(1)
    for (const row of rows) {
      if (told.get(row.id) === row.status) continue
      told.set(row.id, row.status)
      const name = row.name === "@" ? ZONE : `${row.name}.${ZONE}`
      yield* say(
        `  ${seconds.padStart(5)} s  ${row.status.padEnd(8)} ${row.type.padEnd(6)} ${name.padEnd(24)} ${row.value} ${row.last_error}`
      )
    }
    return rows.every(({ status }) => status === "active" || status === "error")
  })
  yield* look.pipe(
    Effect.tap((done) => (done ? Effect.void : Effect.sleep("100 millis"))),
    Effect.repeat({ until: (done) => done }),
    Effect.timeoutOption("1 minute")
  )
})

const whereNext = (settings: Settings, { api, metrics }: Listening) => `
Driftless is running; Ctrl-C stops it, and the next \`npm start\` goes on from here.

  API       ${api}/api/v1/dns/records     documentation at ${api}/docs
  metrics   ${metrics}/metrics            health at ${metrics}/readyz
  data      ${settings.DRIFTLESS_DATA_DIR} (the administrator's token is in admin-token there)

In another terminal:

  npm run driftless -- get dnsrecords
  npm run driftless -- get domain example -o yaml
  npm run driftless -- apply -f examples/quickstart --wait
`

/** An edit behind the back of Driftless, ready to be pasted. */
const howToMeddle = (simulator: Simulator) => {
  const [record] = simulator.engine.control.records(ZONE)
  if (record === undefined) return ""
  const control = new URL("/control", simulator.url).href
  const edit = JSON.stringify({ op: "edit", zone: ZONE, id: record.id, fields: { content: "203.0.113.66" } })
  return `
Change ${record.name} at the simulated Cloudflare, and see it put right when the zone is listed next:

  curl -s ${control}/edits -d '${edit}'
  curl -s '${control}/records?zone=${ZONE}'
`
}

const howToBegin = (settings: Settings, { api, metrics }: Listening) => `
Driftless is running. It asks for nothing on its own; your first records:

  1. export CLOUDFLARE_API_TOKEN=…   a token with Zone:Read and DNS:Edit, before the start
  2. describe a Credential, a Domain and DnsRecords as in examples/cloudflare
  3. npm run driftless -- apply -f your-folder --wait

  API       ${api}/api/v1     documentation at ${api}/docs
  metrics   ${metrics}/metrics
  data      ${settings.DRIFTLESS_DATA_DIR}
`

/** Of the simulator, which listens on this machine alone. */
const TOKEN = "quickstart"

if (import.meta.main) runProcess(quickstart(process.env))
