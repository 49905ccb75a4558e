/**
 * Once for a whole run: PostgreSQL servers for the test files, each started when the first file asks for it, with a
 * migrated database as the template of all others. Files ask over HTTP, since they run in processes of their own.
 */
import { Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { TestProject } from "vitest/node"
import { migrate } from "../../src/database/migrate.ts"
import { layerPostgres } from "../../src/database/postgres.ts"
import { debianBinaries, execute, npmBinaries, type Server, startServer } from "./postgres.ts"

/** `npm`: the newest that npm brings. `debian`: PostgreSQL 15 of Debian. `given`: DATABASE_URL. */
export type Tier = "npm" | "debian" | "given"

/** Where a tier is, or a sentence that says why it is not. */
export type Offer =
  | { readonly tier: Tier; readonly admin: string; readonly template: string; readonly missing?: undefined }
  | { readonly tier: Tier; readonly missing: string }

declare module "vitest" {
  interface ProvidedContext {
    /** URL that answers `/<tier>` with an `Offer`. */
    readonly postgres: string
  }
}

export default async function setup(project: TestProject) {
  const offers = new Map<string, Promise<Offer>>()
  const stops: Array<() => Promise<unknown>> = []
  const door = createServer((request, response) => {
    const tier = (request.url ?? "").slice(1)
    const offer = offers.get(tier) ?? offerOf(tier, stops)
    offers.set(tier, offer)
    void offer.then((answer) => response.end(JSON.stringify(answer)))
  })
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve))
  const address = door.address()
  if (typeof address !== "object" || address === null) throw new Error("no port for the tests' PostgreSQL servers")
  project.provide("postgres", `http://127.0.0.1:${address.port}`)
  return async () => {
    door.closeAllConnections()
    door.close()
    await Promise.all(stops.map((stop) => stop()))
  }
}

const offerOf = async (name: string, stops: Array<() => Promise<unknown>>): Promise<Offer> => {
  const tier: Tier = name === "npm" || name === "debian" ? name : "given"
  try {
    const server = await serverOf(tier)
    stops.push(server.stop)
    const template = `driftless_template_${randomBytes(4).toString("hex")}`
    const admin = server.url("postgres")
    await execute(admin, `create database ${template}`)
    stops.unshift(() => execute(admin, `drop database ${template}`).catch(() => undefined))
    const url = Redacted.make(server.url(template))
    await Effect.runPromise(Effect.provide(migrate(), layerPostgres({ url, poolSize: 2 })))
    return { tier, admin, template }
  } catch (cause) {
    return { tier, missing: cause instanceof Error ? cause.message : String(cause) }
  }
}

const serverOf = async (tier: Tier): Promise<Server> => {
  if (tier === "npm") return startServer(npmBinaries())
  if (tier === "debian") return startServer(debianBinaries(15))
  const given = process.env["DATABASE_URL"]
  if (given === undefined || given === "") throw new Error("DATABASE_URL is not set")
  const url = (database: string) => Object.assign(new URL(given), { pathname: `/${database}` }).href
  return { url, stop: () => Promise.resolve() }
}
