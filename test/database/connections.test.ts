/** What breaks between us and the server: the statement in it fails, the program and the pool go on. */
import { assert, describe, layer } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, Layer, Queue, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { layerPostgres } from "../../src/database/postgres.ts"
import { anyPostgres, DatabaseUrl, eventually, layerFresh, poolOf, rows, skipped } from "../support/database.ts"
import { brittleTo } from "../support/postgres-proxy.ts"

const offer = await anyPostgres()

describe.skipIf(offer.missing)(`connections to PostgreSQL that break${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect("a statement whose connection is reset fails, and the next one has another connection", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        const database = yield* poolOf(network.url, 1)
        const uncaught = yield* uncaughtErrors
        const sleeping = yield* Effect.forkChild(Effect.exit(on(database, sql`select pg_sleep(60)`)))
        yield* eventually(sessions(sql`wait_event = 'PgSleep'`), (n) => n === 1)
        yield* network.reset
        assert.strictEqual((yield* Fiber.join(sleeping))._tag, "Failure")
        assert.deepStrictEqual(yield* on(database, sql`select 1 as n`), [{ n: 1 }])
        assert.deepStrictEqual(uncaught, [])
      })
    )

    it.effect("a transaction whose connection is reset between two statements fails", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        assert.deepStrictEqual(yield* brokenBetweenStatements(network.url, network.reset), [])
      })
    )

    it.effect("a transaction that the server ends between two statements fails", () =>
      Effect.gen(function* () {
        const kill = rows(sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`)
        assert.deepStrictEqual(yield* brokenBetweenStatements(yield* DatabaseUrl, kill), [])
      })
    )

    it.effect("statements on connections that fall silent fail, and the pool is whole again", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        const database = yield* impatientPool(network.url)
        const one = Effect.exit(on(database, sql`select 1 as n`))
        const all = Effect.map(Effect.all([one, one, one], { concurrency: 3 }), (exits) =>
          exits.map(({ _tag }) => _tag)
        )
        assert.deepStrictEqual(yield* all, ["Success", "Success", "Success"])
        yield* network.silence
        assert.deepStrictEqual(yield* all, ["Failure", "Failure", "Failure"])
        assert.deepStrictEqual(yield* all, ["Success", "Success", "Success"])
      }).pipe(Effect.timeout("20 seconds"))
    )

    it.effect("connections that fell silent do not hold up the end", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        const scope = yield* Scope.make()
        const database = yield* Scope.provide(poolOf(network.url), scope)
        const heard = yield* Deferred.make<void>()
        yield* database.listen("news").pipe(
          Stream.runForEach(() => Deferred.succeed(heard, undefined)),
          Effect.forkIn(scope)
        )
        yield* Deferred.await(heard)
        assert.deepStrictEqual(yield* on(database, sql`select 1 as n`), [{ n: 1 }])
        yield* network.silence
        yield* Effect.forkIn(Effect.exit(on(database, sql`select 1`)), scope)
        yield* Scope.close(scope, Exit.void).pipe(Effect.timeout("10 seconds"))
      })
    )

    it.effect("a transaction whose connection falls silent fails, and does not wait for its own rollback", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        const database = yield* impatientPool(network.url)
        const body = Effect.andThen(network.silence, on(database, sql`select 1`))
        const [took, exit] = yield* Effect.timed(Effect.exit(database.transaction("silent", body)))
        assert.strictEqual(exit._tag, "Failure")
        assert.isBelow(Duration.toMillis(took), 2 * Duration.toMillis(SILENCE))
      }).pipe(Effect.timeout("20 seconds"))
    )
  })

  layer(layerFresh(offer))((it) => {
    it.effect("a listener whose connection falls silent is told so by the next look at itself", () =>
      Effect.gen(function* () {
        const network = yield* brittleTo(yield* DatabaseUrl)
        const { listen } = yield* poolOf(network.url)
        const heard = yield* Queue.unbounded<string>()
        const listener = yield* listen("news").pipe(
          Stream.runForEach((payload) => Queue.offer(heard, payload)),
          Effect.exit,
          Effect.forkChild
        )
        assert.strictEqual(yield* Queue.take(heard), "")
        yield* network.silence
        for (const _ of [1, 2]) yield* TestClock.adjust("10 seconds")
        const exit = yield* TestClock.withLive(Effect.timeout(Fiber.join(listener), "10 seconds"))
        assert.strictEqual(exit._tag, "Failure")
      })
    )
  })
})

const SILENCE = Duration.seconds(1)

const impatientPool = Effect.fnUntraced(function* (url: typeof DatabaseUrl.Service) {
  const built = yield* Layer.build(Layer.fresh(layerPostgres({ url, poolSize: 3, silence: SILENCE })))
  return Context.get(built, Database)
})

const on = (database: Database["Service"], statement: ReturnType<typeof sql>) =>
  Effect.provideService(rows(statement), Database, database)

/** Breaks the connection of a transaction that has nothing to say; answers what nobody caught. */
const brokenBetweenStatements = Effect.fnUntraced(function* <E, R>(
  url: typeof DatabaseUrl.Service,
  breaks: Effect.Effect<unknown, E, R>
) {
  const database = yield* poolOf(url, 1)
  const uncaught = yield* uncaughtErrors
  const begun = yield* Deferred.make<void>()
  const broken = yield* Deferred.make<void>()
  const body = Effect.gen(function* () {
    yield* on(database, sql`select 1`)
    yield* Deferred.succeed(begun, undefined)
    yield* Deferred.await(broken)
    // Whichever end it is, what the server said before this statement is read first.
    yield* on(database, sql`select 1`)
  })
  const open = yield* Effect.forkChild(Effect.exit(database.transaction("open", body)))
  yield* Deferred.await(begun)
  yield* breaks
  yield* eventually(sessions(sql`state = 'idle in transaction'`), (n) => n === 0)
  yield* Deferred.succeed(broken, undefined)
  assert.strictEqual((yield* Fiber.join(open))._tag, "Failure")
  assert.deepStrictEqual(yield* on(database, sql`select 1 as n`), [{ n: 1 }])
  return uncaught
})

const sessions = (which: ReturnType<typeof sql>) =>
  Effect.map(
    rows(sql`select 1 from pg_stat_activity where datname = current_database() and ${which}`),
    ({ length }) => length
  )

/** Errors that would end the program, from now until the scope closes. */
const uncaughtErrors = Effect.acquireRelease(
  Effect.sync(() => {
    const errors: Array<string> = []
    const note = (error: Error) => void errors.push(error.message)
    process.on("uncaughtException", note)
    return { errors, note }
  }),
  ({ note }) => Effect.sync(() => process.off("uncaughtException", note))
).pipe(Effect.map(({ errors }) => errors))
