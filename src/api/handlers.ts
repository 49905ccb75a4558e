/** What the endpoints do: each is one call of a store. */
import { Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { Database } from "../database/database.ts"
import type { Secrets } from "../database/secrets.ts"
import type { Wakes } from "../database/wake.ts"
import type { CredentialSources } from "../reconcilers/dns/store/credential-sources.ts"
import * as credentials from "../reconcilers/dns/store/credentials.ts"
import * as domainViews from "../reconcilers/dns/store/domain-views.ts"
import * as domains from "../reconcilers/dns/store/domains.ts"
import * as manifestViews from "../reconcilers/dns/store/manifest-views.ts"
import * as manifests from "../reconcilers/dns/store/manifests.ts"
import * as recordViews from "../reconcilers/dns/store/record-views.ts"
import * as records from "../reconcilers/dns/store/records.ts"
import { answer } from "./answers.ts"
import { Api } from "./api.ts"
import { DONE } from "./envelope.ts"

const System = HttpApiBuilder.group(Api, "system", (handlers) =>
  handlers.handleAll({ ping: () => Effect.succeed(DONE) })
)

const Dns = HttpApiBuilder.group(
  Api,
  "dns",
  Effect.fnUntraced(function* (handlers) {
    const run = yield* stores
    return handlers.handleAll({
      create: ({ payload }) => run(Effect.map(records.create(payload), created)),
      update: ({ payload }) => run(records.update(payload)),
      remove: ({ payload }) => run(Effect.map(records.remove(payload.ids), affected)),
      retry: ({ payload }) => Effect.as(run(records.retry(payload.id)), DONE),
      list: ({ query: { page, pageSize, ...filter } }) => run(recordViews.list(filter, { page, pageSize })),
      get: ({ params }) => run(recordViews.get(params.id))
    })
  })
)

const Credentials = HttpApiBuilder.group(
  Api,
  "credentials",
  Effect.fnUntraced(function* (handlers) {
    const run = yield* stores
    return handlers.handleAll({
      create: ({ payload }) => run(credentials.create(payload)),
      update: ({ payload }) => run(credentials.update(payload)),
      remove: ({ payload }) => run(Effect.map(credentials.remove(payload.ids), affected)),
      list: ({ query }) => run(credentials.list(query))
    })
  })
)

const Domains = HttpApiBuilder.group(
  Api,
  "domains",
  Effect.fnUntraced(function* (handlers) {
    const run = yield* stores
    return handlers.handleAll({
      create: ({ payload }) => run(Effect.flatMap(domains.create(payload), domainViews.get)),
      update: ({ payload }) => run(Effect.flatMap(domains.update(payload), domainViews.get)),
      remove: ({ payload }) => run(Effect.map(domains.remove(payload.ids), affected)),
      list: ({ query }) => run(domainViews.list(query)),
      get: ({ params }) => run(domainViews.get(params.id))
    })
  })
)

const Manifests = HttpApiBuilder.group(
  Api,
  "manifests",
  Effect.fnUntraced(function* (handlers) {
    const run = yield* stores
    return handlers.handleAll({
      apply: ({ payload, query: { dryRun = false } }) =>
        run(Effect.map(manifests.apply(payload.documents, { dryRun }), (applied) => ({ applied, dryRun }))),
      list: ({ query: { page, pageSize, ...filter } }) => run(manifestViews.list(filter, { page, pageSize })),
      remove: ({ query: { kind, name, namespace } }) => run(manifests.remove(kind, namespace, name))
    })
  })
)

type Stores = Database | Secrets | Wakes | CredentialSources

/** Gives the stores what they need, and turns what they say into the contract's words. */
const stores = Effect.map(
  Effect.context<Stores>(),
  (context) =>
    <A>(store: Parameters<typeof answer<A, Stores>>[0]) =>
      Effect.provideContext(answer(store), context)
)

const created = ({
  createdAt,
  desiredState,
  domainId,
  id,
  name,
  ownerId,
  ownerType,
  status,
  ttl,
  type,
  value
}: recordViews.RecordView) => ({
  id,
  domainId,
  type,
  name,
  value,
  ttl,
  status,
  desiredState,
  ownerType,
  ownerId,
  createdAt
})

const affected = (count: number) => ({ affected: count })

export const layer = Layer.mergeAll(System, Dns, Credentials, Domains, Manifests)
