/**
 * Every setting, with its default and meaning, in one place. All come from the environment; all mistakes are told
 * at once. The table in docs/operations.md is generated from here.
 */
import { Data, Duration, Redacted, Result } from "effect"
import { parseDuration } from "./model/duration.ts"

export interface Setting<A> {
  /** Shown in the docs; undefined means that there is no value unless one is given. */
  readonly default: string | undefined
  readonly about: string
  readonly parse: (text: string) => Result.Result<A, string>
}

const setting = <A>(initial: string, about: string, parse: Setting<A>["parse"]): Setting<A> => ({
  default: initial,
  about,
  parse
})
const optional = <A>(about: string, parse: Setting<A>["parse"]): Setting<A | undefined> => ({
  default: undefined,
  about,
  parse
})

const text = (value: string) => Result.succeed(value)
const secret = (value: string) => Result.succeed(Redacted.make(value))

const whole = (minimum: number, maximum: number) => (value: string) =>
  /^\d+$/u.test(value) && Number(value) >= minimum && Number(value) <= maximum
    ? Result.succeed(Number(value))
    : Result.fail(`"${value}" is not a whole number from ${minimum} to ${maximum}`)

const oneOf =
  <const A extends string>(...words: ReadonlyArray<A>) =>
  (value: string) => {
    const found = words.find((word) => word === value)
    return found === undefined ? Result.fail(`"${value}" is none of ${words.join(", ")}`) : Result.succeed(found)
  }

const flag = (value: string) =>
  ["1", "true", "on", "yes"].includes(value.toLowerCase())
    ? Result.succeed(true)
    : ["0", "false", "off", "no"].includes(value.toLowerCase())
      ? Result.succeed(false)
      : Result.fail(`"${value}" is neither 1 nor 0`)

const between = (minimum: Duration.Duration, maximum: Duration.Duration) => (value: string) =>
  Result.flatMap(parseDuration(value), (duration) =>
    Duration.isGreaterThanOrEqualTo(duration, minimum) && Duration.isLessThanOrEqualTo(duration, maximum)
      ? Result.succeed(duration)
      : Result.fail(`"${value}" is not from ${Duration.format(minimum)} to ${Duration.format(maximum)}`)
  )

const url =
  (...protocols: ReadonlyArray<string>) =>
  (value: string) =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol)
      ? Result.succeed(value.replace(/\/+$/u, ""))
      : Result.fail(`not a URL that begins with ${protocols.map((p) => `${p}//`).join(" or ")}`)

const key = (value: string) => {
  const bytes = Buffer.from(value, "base64")
  return bytes.length === 32
    ? Result.succeed(Redacted.make(bytes))
    : Result.fail(`must be 32 bytes in base64, but holds ${bytes.length}; make one with: openssl rand -base64 32`)
}

const names = (value: string) =>
  Result.succeed(
    value
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
  )

const listOf =
  <const A extends string>(...words: ReadonlyArray<A>) =>
  (value: string) =>
    Result.flatMap(names(value), (given) => Result.all(given.map(oneOf(...words))))

const token = (value: string) =>
  value.length >= 16 ? secret(value) : Result.fail("is shorter than 16 characters; make one with: openssl rand -hex 32")

export const settings = {
  DATABASE_URL: optional(
    "PostgreSQL 15 or newer, `postgres://user:password@host/database`. Without it an embedded database in `DRIFTLESS_DATA_DIR` is used, for one process",
    (value) => Result.map(url("postgres:", "postgresql:")(value), Redacted.make)
  ),
  DRIFTLESS_DATABASE_POOL_SIZE: setting("10", "Connections to PostgreSQL, at most", whole(2, 200)),
  DRIFTLESS_DATA_DIR: setting(
    "./.driftless",
    "Where the embedded database, its key and the admin token are kept",
    text
  ),
  DRIFTLESS_ENCRYPTION_KEY: optional(
    "Encrypts secrets at rest: 32 bytes in base64. Must be given with `DATABASE_URL`; else a file of mode 0600 is made in the data directory",
    key
  ),
  DRIFTLESS_HOST: setting("127.0.0.1", "Address that the API and the metrics listen on", text),
  DRIFTLESS_API_PORT: setting("8080", "Port of the API; 0 chooses a free one", whole(0, 65_535)),
  DRIFTLESS_METRICS_PORT: setting(
    "9090",
    "Port of `/metrics`, `/healthz` and `/readyz`; 0 chooses a free one",
    whole(0, 65_535)
  ),
  DRIFTLESS_ADMIN_TOKEN: optional(
    "Bearer token of the administrator. Without it the first start makes one, in the file `admin-token` of the data directory",
    token
  ),
  DRIFTLESS_LOG_LEVEL: setting("info", "Least level that is logged", oneOf("trace", "debug", "info", "warn", "error")),
  DRIFTLESS_LOG_FORMAT: setting(
    "auto",
    "`json` for machines, `pretty` for people, `auto` is pretty on a terminal",
    oneOf("auto", "json", "pretty")
  ),
  DRIFTLESS_DNS_ENABLED: setting("1", "Whether this process reconciles DNS", flag),
  DRIFTLESS_DNS_INTERVAL: setting(
    "40s",
    "How often a zone is listed to find drift; stretched where all lists of a token would use more than 30 % of its budget",
    between(Duration.seconds(1), Duration.days(1))
  ),
  DRIFTLESS_DNS_CONCURRENCY: setting("8", "Zones that one process reconciles at a time", whole(1, 100)),
  CLOUDFLARE_API_TOKEN: optional(
    "Token for credentials that are given as `tokenFrom: {env: CLOUDFLARE_API_TOKEN}`",
    secret
  ),
  CLOUDFLARE_BASE_URL: optional("Where the Cloudflare API is; the default is the public one", url("https:", "http:")),
  DRIFTLESS_CREDENTIAL_ENV: setting(
    "CLOUDFLARE_API_TOKEN",
    "Environment variables that a credential may name in `tokenFrom.env`, separated by commas",
    names
  ),
  DRIFTLESS_CREDENTIAL_DIR: optional("Directory below which a credential may name a file in `tokenFrom.file`", text),
  DRIFTLESS_KUBERNETES: setting(
    "auto",
    "Whether objects of a cluster are taken in: `on` (the kubeconfig, outside of a pod), `off`, or `auto`: in a pod alone",
    oneOf("auto", "on", "off")
  ),
  DRIFTLESS_KUBERNETES_LEASE: setting(
    "driftless",
    "Lease of the replica that takes objects in, in its own namespace",
    text
  ),
  DRIFTLESS_KUBERNETES_CONCURRENCY: setting("24", "Objects that one process works on at a time", whole(1, 100)),
  DRIFTLESS_KUBERNETES_RELIST: setting(
    "1h",
    "How often all objects are listed beside the watch, to find what it may have missed; `driftless_kubernetes_divergences_total` counts that and stays 0",
    between(Duration.seconds(10), Duration.days(1))
  ),
  DRIFTLESS_KUBERNETES_CREDENTIAL_SOURCES: optional(
    "What `tokenFrom` of an object may name besides a Secret: `env`, `file` or both, separated by a comma. Whoever may write a Credential could else send a secret of this process to a provider",
    listOf("env", "file")
  ),
  DRIFTLESS_WATCH_NAMESPACES: optional(
    "Namespaces whose objects are taken in, separated by commas; without it all",
    names
  ),
  DRIFTLESS_SECRET_NAMESPACES: optional(
    "Namespaces whose Secrets may be read, separated by commas; without it all",
    names
  )
} satisfies Record<string, Setting<unknown>>

/** What the command line reads besides; `serve` passes it over. */
export const commandSettings = {
  DRIFTLESS_SERVER: {
    default: undefined,
    about:
      "For the command line alone: where the API is. Without it this machine, at `DRIFTLESS_API_PORT`; the token is `DRIFTLESS_ADMIN_TOKEN`, else, on this machine, the one in `DRIFTLESS_DATA_DIR`",
    parse: url("http:", "https:")
  }
} satisfies Record<string, Setting<unknown>>

export type Settings = {
  readonly [Name in keyof typeof settings]: (typeof settings)[Name] extends Setting<infer A> ? A : never
}

export class SettingsInvalid extends Data.TaggedError("SettingsInvalid")<{ readonly mistakes: ReadonlyArray<string> }> {
  override get message() {
    return `settings that cannot be used:\n${this.mistakes.map((mistake) => `  ${mistake}`).join("\n")}`
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads all settings; an empty variable counts as not set. */
export const readSettings = (environment: Environment): Result.Result<Settings, SettingsInvalid> => {
  const mistakes: Array<string> = []
  const values: Record<string, unknown> = {}
  for (const [name, { default: initial, parse }] of Object.entries<Setting<unknown>>(settings)) {
    const given = environment[name]
    const raw = given === undefined || given === "" ? initial : given
    if (raw === undefined) continue
    const parsed = parse(raw)
    if (Result.isSuccess(parsed)) values[name] = parsed.success
    else mistakes.push(`${name} ${parsed.failure}`)
  }
  if (values["DATABASE_URL"] !== undefined && values["DRIFTLESS_ENCRYPTION_KEY"] === undefined) {
    mistakes.push("DRIFTLESS_ENCRYPTION_KEY must be set when DATABASE_URL is; make one with: openssl rand -base64 32")
  }
  return mistakes.length > 0 ? Result.fail(new SettingsInvalid({ mistakes })) : Result.succeed(values as Settings)
}
