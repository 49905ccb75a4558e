/** `npm run simulate:cloudflare`: the simulator as a program, until SIGTERM or SIGINT. */
import { parseArgs } from "node:util"
import type { Plan } from "./plans.ts"
import { PLANS } from "./plans.ts"
import type { SimulatorOptions } from "./server.ts"
import { startSimulator } from "./server.ts"
import { DEFAULT_PLAN, DEFAULT_TOKEN, DEFAULT_ZONE, zoneId } from "./state.ts"

const HELP = `A strict simulator of the Cloudflare DNS API. Its control endpoint is /control (see src/simulator/control-api.ts).

  npm run simulate:cloudflare -- [options]

  --port <number>     port to listen on; 0 chooses a free one     (8787)
  --host <address>    address to listen on                        (127.0.0.1)
  --plan <plan>       ${PLANS.join(", ").padEnd(44)}(${DEFAULT_PLAN})
  --zone <name>       a zone; may be given again                  (${DEFAULT_ZONE})
  --token <token>     an API token; may be given again            (${DEFAULT_TOKEN})
  --account <id>      account id, 32 hexadecimal digits
  --help
`

export type Arguments = { readonly help: true } | { readonly mistakes: ReadonlyArray<string> } | SimulatorOptions

/** Reads the command line; finds every mistake in it at once. */
export const readArguments = (args: ReadonlyArray<string>): Arguments => {
  const { tokens, values } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true })
  if (values["help"] === true) return { help: true }
  const mistakes: Array<string> = []
  const given = new Map<string, Array<string>>()
  for (const token of tokens) {
    if (token.kind === "positional") mistakes.push(`${token.value}: there are no arguments besides options`)
    if (token.kind !== "option") continue
    if (!Object.hasOwn(OPTIONS, token.name)) mistakes.push(`${token.rawName}: there is no such option`)
    else if (token.value === undefined || token.value === "") mistakes.push(`${token.rawName}: needs a value`)
    else given.set(token.name, [...(given.get(token.name) ?? []), token.value])
  }
  const check = (name: string, otherwise: string, isGood: (value: string) => boolean, must: string) => {
    const list = given.get(name) ?? [otherwise]
    for (const value of list) if (!isGood(value)) mistakes.push(`--${name} ${value}: ${must}`)
    return list
  }
  const last = (list: ReadonlyArray<string>) => list.at(-1) ?? ""
  const isPort = (value: string) => /^\d{1,5}$/u.test(value) && Number(value) <= 65_535
  const port = Number(last(check("port", "8787", isPort, "must be a number between 0 and 65535")))
  const host = last(check("host", "127.0.0.1", (value) => value.length > 0, "must be an address"))
  const plan = last(check("plan", DEFAULT_PLAN, isPlan, `must be one of ${PLANS.join(", ")}`))
  const zones = check("zone", DEFAULT_ZONE, isZone, "must be a domain name, such as example.test")
  const apiTokens = check(
    "token",
    DEFAULT_TOKEN,
    (value) => /^[!-~]+$/u.test(value),
    "must be printable, without blanks"
  )
  const account = last(
    check("account", "", (value) => /^(?:[0-9a-f]{32})?$/u.test(value), "must be 32 hexadecimal digits")
  )
  if (mistakes.length > 0 || !isPlan(plan)) return { mistakes }
  return { port, host, plan, zones, tokens: apiTokens, ...(account !== "" && { account }) }
}

const OPTIONS = {
  port: { type: "string" },
  host: { type: "string" },
  plan: { type: "string" },
  zone: { type: "string", multiple: true },
  token: { type: "string", multiple: true },
  account: { type: "string" },
  help: { type: "boolean" }
} as const

const isPlan = (value: string): value is Plan => PLANS.some((plan) => plan === value)

const isZone = (value: string) => /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/u.test(value)

const main = async () => {
  const options = readArguments(process.argv.slice(2))
  if ("help" in options) return void process.stdout.write(HELP)
  if ("mistakes" in options) {
    process.stderr.write(options.mistakes.map((mistake) => `${mistake}\n`).join(""))
    process.exitCode = 2
    return
  }
  const simulator = await startSimulator(options)
  const zones = (options.zones ?? []).map((name) => `${name} (${zoneId(name)})`)
  process.stdout.write(`Simulated Cloudflare API at ${simulator.url} with ${options.plan} zones ${zones.join(", ")}\n`)
  const stop = () => void simulator.close()
  process.once("SIGTERM", stop)
  process.once("SIGINT", stop)
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`The simulator did not start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
