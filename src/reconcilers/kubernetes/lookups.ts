/**
 * What every pass reads of the database, read for all passes that ask at the same time by one set of statements: of
 * many objects that change together, most of the database's work would else be to look them up one by one. Not for
 * use inside a transaction: what is read is what others have committed.
 */
import { Context, Effect, Exit, Layer, Request, RequestResolver } from "effect"
import type { Database, DatabaseError } from "../../database/database.ts"
import type { Secrets } from "../../database/secrets.ts"
import type { CredentialSources } from "../dns/store/credential-sources.ts"
import * as views from "../dns/store/manifest-views.ts"
import { type ObjectKey, textOf } from "./objects.ts"
import { findAll, type Known } from "./store.ts"

class FindKnown extends Request.Class<{ readonly key: ObjectKey }, Known | undefined, DatabaseError> {}
class FindView extends Request.Class<{ readonly id: number }, views.Found | undefined, DatabaseError> {}

export class Lookups extends Context.Service<
  Lookups,
  {
    known(key: ObjectKey): Effect.Effect<Known | undefined, DatabaseError>
    /** What the rows of a manifest say; undefined where it is gone. */
    view(id: number): Effect.Effect<views.Found | undefined, DatabaseError>
  }
>()("driftless/reconcilers/kubernetes/Lookups") {
  static readonly layer = Layer.effect(
    Lookups,
    Effect.gen(function* () {
      const services = yield* Effect.context<Database | CredentialSources | Secrets>()
      const known = RequestResolver.make<FindKnown>((entries) =>
        Effect.gen(function* () {
          const found = yield* findAll(entries.map(({ request }) => request.key))
          for (const entry of entries) entry.completeUnsafe(Exit.succeed(found.get(textOf(entry.request.key))))
        }).pipe(Effect.provideContext(services))
      )
      const shown = RequestResolver.make<FindView>((entries) =>
        Effect.gen(function* () {
          const found = yield* views.some([...new Set(entries.map(({ request }) => request.id))])
          for (const entry of entries) entry.completeUnsafe(Exit.succeed(found.get(entry.request.id)))
        }).pipe(Effect.provideContext(services))
      ).pipe(RequestResolver.setDelay(TOGETHER))
      return Lookups.of({
        known: (key) => Effect.request(new FindKnown({ key }), known),
        view: (id) => Effect.request(new FindView({ id }), shown)
      })
    })
  )
}

/** Passes that began together are a few answers of the API server apart. */
const TOGETHER = "5 millis"
