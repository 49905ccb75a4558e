/**
 * The control plane: every layer is composed here and only here. It runs until a signal; SIGTERM ends it within ten
 * seconds, with nothing claimed and nothing half told.
 */
import { Effect, Layer, Option, Ref } from "effect"
import { randomBytes, randomUUID } from "node:crypto"
import { hostname } from "node:os"
import * as auth from "./api/auth.ts"
import * as health from "./api/health.ts"
import * as api from "./api/server.ts"
import { type Environment, readSettings, type Settings } from "./config.ts"
import { layerBudget } from "./database/budget.ts"
import { identify, InstanceId, takeOver } from "./database/instance.ts"
import { migrate } from "./database/migrate.ts"
import { layerPglite } from "./database/pglite.ts"
import { layerMigrations, layerPostgres } from "./database/postgres.ts"
import { adminTokenIn, encryptionKeyIn } from "./database/secret-files.ts"
import { Secrets } from "./database/secrets.ts"
import { Wakes } from "./database/wake.ts"
import * as logging from "./logging.ts"
import { Metrics } from "./metrics.ts"
import { layerCloudflare } from "./providers/cloudflare.ts"
import { clusterAccess, isInCluster } from "./providers/kubernetes-access.ts"
import { layerHttp } from "./providers/kubernetes-http.ts"
import { ZoneCache } from "./reconcilers/dns/cache.ts"
import * as gauges from "./reconcilers/dns/gauges.ts"
import { dnsReconciler } from "./reconcilers/dns/reconcile.ts"
import { CredentialSources } from "./reconcilers/dns/store/credential-sources.ts"
import { Endpoints } from "./reconcilers/dns/zone.ts"
import * as intake from "./reconcilers/kubernetes/layer.ts"
import { run } from "./reconcilers/loop.ts"
import type { Pass } from "./reconcilers/pass.ts"

/** What another program that embeds the control plane may put in place of its own. */
export interface Overrides {
  /** Where providers are; the public API, or `CLOUDFLARE_BASE_URL`, unless given. */
  readonly endpoints?: Layer.Layer<Endpoints>
  readonly credentials?: Layer.Layer<CredentialSources>
  readonly onListening?: (urls: Listening) => Effect.Effect<void>
}

export interface Listening {
  readonly api: string
  readonly metrics: string
}

/** The control plane as a layer, and beside it the database with what the stores need. */
export const controlPlane = (settings: Settings, environment: Environment, overrides: Overrides = {}) =>
  surfaces(settings, overrides.onListening ?? announce).pipe(
    Layer.merge(reconcilers(settings)),
    Layer.merge(kubernetes(settings, environment)),
    Layer.merge(gauges.layer),
    Layer.provideMerge(world(settings, environment, overrides))
  )

const world = (settings: Settings, environment: Environment, overrides: Overrides) =>
  layerCloudflare.pipe(
    Layer.provideMerge(layerBudget),
    Layer.provideMerge(Layer.mergeAll(Wakes.layer, Metrics.layer, ZoneCache.layer)),
    Layer.provideMerge(prepared(settings)),
    Layer.provideMerge(secrets(settings)),
    Layer.provideMerge(database(settings)),
    Layer.provideMerge(overrides.endpoints ?? Endpoints.layer(settings.CLOUDFLARE_BASE_URL)),
    Layer.provideMerge(overrides.credentials ?? credentialSources(settings, environment))
  )

const database = ({ DATABASE_URL, DRIFTLESS_DATABASE_POOL_SIZE, DRIFTLESS_DATA_DIR }: Settings) =>
  DATABASE_URL === undefined
    ? layerPglite(DRIFTLESS_DATA_DIR)
    : layerPostgres({ url: DATABASE_URL, poolSize: DRIFTLESS_DATABASE_POOL_SIZE })

const secrets = ({ DRIFTLESS_DATA_DIR, DRIFTLESS_ENCRYPTION_KEY }: Settings) =>
  Layer.unwrap(
    Effect.map(
      DRIFTLESS_ENCRYPTION_KEY === undefined
        ? encryptionKeyIn(DRIFTLESS_DATA_DIR)
        : Effect.succeed(DRIFTLESS_ENCRYPTION_KEY),
      (key) => Secrets.layer(key)
    )
  )

const credentialSources = (
  { DRIFTLESS_CREDENTIAL_DIR, DRIFTLESS_CREDENTIAL_ENV }: Settings,
  environment: Environment
) => CredentialSources.layer({ environment, names: DRIFTLESS_CREDENTIAL_ENV, directory: DRIFTLESS_CREDENTIAL_DIR })

/** Schema, identity and the administrator's token, before anything else looks at the database. */
const prepared = (settings: Settings) =>
  Layer.effect(
    InstanceId,
    Effect.gen(function* () {
      const { DATABASE_URL: url } = settings
      const applied = yield* url === undefined ? migrate() : Effect.provide(migrate(), layerMigrations(url))
      if (applied.length > 0) yield* Effect.logInfo(`the database was migrated: ${applied.join(", ")}`)
      const instance = yield* identify(randomBytes(6).toString("hex"))
      // The lock of the data directory is ours, so nobody else holds a lease.
      if (settings.DATABASE_URL === undefined) yield* takeOver()
      const given = settings.DRIFTLESS_ADMIN_TOKEN
      const { file, token } =
        given === undefined
          ? yield* adminTokenIn(settings.DRIFTLESS_DATA_DIR)
          : { file: "DRIFTLESS_ADMIN_TOKEN", token: given }
      yield* auth.ensureAdminToken(token)
      yield* Effect.logInfo(`the administrator's token is in ${file}`)
      return instance
    })
  )

const reconcilers = ({ DRIFTLESS_DNS_CONCURRENCY, DRIFTLESS_DNS_ENABLED, DRIFTLESS_DNS_INTERVAL }: Settings) =>
  DRIFTLESS_DNS_ENABLED
    ? Layer.unwrap(
        Effect.gen(function* () {
          const instance = yield* InstanceId
          const options = { instance, interval: DRIFTLESS_DNS_INTERVAL, concurrency: DRIFTLESS_DNS_CONCURRENCY }
          // Never used again, so that a lease of this process is told from those of all others.
          const owner = `${hostname()}/${randomUUID()}`
          const wakes = yield* Wakes
          const dns = dnsReconciler(options)
          // What a pass of a zone wrote is told by the objects that asked for it.
          const reconcile = (pass: Pass) => Effect.ensuring(dns.reconcile(pass), wakes.send("kubernetes"))
          return run({ ...dns, reconcile }, { owner })
        })
      )
    : Layer.empty

const kubernetes = (settings: Settings, environment: Environment) => {
  const { DRIFTLESS_KUBERNETES: wanted } = settings
  if (wanted === "off" || (wanted === "auto" && !isInCluster(environment))) return Layer.empty
  return Layer.unwrap(
    Effect.gen(function* () {
      const found = clusterAccess(environment)
      const access = yield* wanted === "auto" ? Effect.option(found) : Effect.asSome(found)
      if (Option.isNone(access)) {
        yield* Effect.logInfo("in a pod without a service account: takes in no objects of the cluster")
        return Layer.empty
      }
      const owner = `${hostname()}/${randomUUID()}`
      yield* Effect.logInfo(`takes in objects of the cluster at ${access.value.server}`)
      return intake
        .layer({
          concurrency: settings.DRIFTLESS_KUBERNETES_CONCURRENCY,
          credentialSources: settings.DRIFTLESS_KUBERNETES_CREDENTIAL_SOURCES ?? [],
          watchNamespaces: settings.DRIFTLESS_WATCH_NAMESPACES ?? [],
          secretNamespaces: settings.DRIFTLESS_SECRET_NAMESPACES ?? [],
          tuning: { relistEvery: settings.DRIFTLESS_KUBERNETES_RELIST },
          lease: { namespace: access.value.namespace, name: settings.DRIFTLESS_KUBERNETES_LEASE, owner }
        })
        .pipe(Layer.provide(layerHttp(access.value)))
    })
  )
}

const surfaces = (settings: Settings, onListening: (urls: Listening) => Effect.Effect<void>) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { DRIFTLESS_API_PORT, DRIFTLESS_HOST: host, DRIFTLESS_METRICS_PORT } = settings
      const urls = yield* Ref.make<Partial<Listening>>({})
      const tell = (part: Partial<Listening>) =>
        Effect.gen(function* () {
          const { api, metrics } = yield* Ref.updateAndGet(urls, (known) => ({ ...known, ...part }))
          if (api !== undefined && metrics !== undefined) yield* onListening({ api, metrics })
        })
      const apiListens = Effect.map(Ref.get(urls), (known) => known.api !== undefined)
      return Layer.merge(
        api.layer({ host, port: DRIFTLESS_API_PORT, onListening: (url) => tell({ api: url }) }),
        health.layer({ host, port: DRIFTLESS_METRICS_PORT, apiListens, onListening: (url) => tell({ metrics: url }) })
      )
    })
  )

const announce = ({ api, metrics }: Listening) => Effect.logInfo(`the API listens on ${api}, metrics on ${metrics}`)

/** `driftless serve`: runs until interrupted. Fails with what is wrong, in words for a person. */
export const serve = (environment: Environment, overrides: Overrides = {}) =>
  Effect.gen(function* () {
    const settings = yield* Effect.fromResult(readSettings(environment))
    const { DRIFTLESS_LOG_FORMAT: format, DRIFTLESS_LOG_LEVEL: level } = settings
    const plane = controlPlane(settings, environment, overrides)
    return yield* Layer.launch(plane).pipe(Effect.provide(logging.layer({ format, level })))
  })
