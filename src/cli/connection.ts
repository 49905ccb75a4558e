/**
 * Where the server is and who asks. The first that is given counts:
 *
 *   server: `--kube`, `--server`, `DRIFTLESS_SERVER`, `http://127.0.0.1:$DRIFTLESS_API_PORT`
 *   token:  `--token`, `DRIFTLESS_ADMIN_TOKEN`, of a server in a cluster its Secret, of this machine's the file
 *           `admin-token` in `DRIFTLESS_DATA_DIR`
 *
 * The file belongs to the server of this machine, so its token is never sent to another one.
 */
import { Context, Duration, Effect, FileSystem, Layer, Option, Path, Redacted, Result } from "effect"
import { Flag, GlobalFlag } from "effect/cli"
import { DriftlessClient } from "../api/client.ts"
import { commandSettings, settings } from "../config.ts"
import { explain } from "./explain.ts"
import { CommandFailed, failed, wrongUse } from "./failure.ts"

export const Server = GlobalFlag.Setting("server")({
  flag: Flag.String("server").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      "Where the API is [env: DRIFTLESS_SERVER; else this machine, port DRIFTLESS_API_PORT or 8080]"
    ),
    Flag.optional
  )
})

export const Token = GlobalFlag.Setting("token")({
  flag: Flag.Redacted("token").pipe(
    Flag.withMetavar("TOKEN"),
    Flag.withDescription("Bearer token [env: DRIFTLESS_ADMIN_TOKEN; else the file admin-token in DRIFTLESS_DATA_DIR]"),
    Flag.optional
  )
})

export const Kube = GlobalFlag.Setting("kube")({
  flag: Flag.Boolean("kube").pipe(
    Flag.withDescription("The server is in a cluster: found by the kubeconfig, reached through the API server"),
    Flag.withDefault(false)
  )
})

const kubeFlag = <const Name extends string>(name: Name, metavar: string, description: string) =>
  GlobalFlag.Setting(name)({
    flag: Flag.String(name).pipe(
      Flag.withMetavar(metavar),
      Flag.withDescription(`With --kube: ${description}`),
      Flag.optional
    )
  })

export const KubeContext = kubeFlag("context", "NAME", "the kubeconfig's context, if not its present one")
export const KubeNamespace = kubeFlag(
  "kube-namespace",
  "NAMESPACE",
  "where Driftless is installed [else the context's namespace, then all]"
)
export const KubeRelease = kubeFlag("release", "NAME", "which installation, where there are several")

type Client = DriftlessClient["Service"]

export class Connection extends Context.Service<
  Connection,
  {
    /** One request. What goes wrong is told in words for a person; `refused` may say it better. */
    readonly call: <A, E>(
      request: (client: Client) => Effect.Effect<A, E>,
      refused?: (error: E) => CommandFailed | undefined
    ) => Effect.Effect<A, CommandFailed>
  }
>()("driftless/cli/Connection") {
  /** Built inside a command, so that `--help` needs no server and no token. */
  static readonly layer = Layer.effect(
    Connection,
    Effect.gen(function* () {
      const { explained, name, server, token } = yield* reached
      const client = Context.get(yield* Layer.build(DriftlessClient.layer({ baseUrl: server, token })), DriftlessClient)
      return Connection.of({
        call: (request, refused = () => undefined) =>
          request(client).pipe(
            Effect.catch((error) => {
              const better = refused(error)
              return better === undefined ? explain(name, error) : Effect.fail(better)
            }),
            Effect.timeoutOrElse({
              duration: PATIENCE,
              orElse: () => Effect.fail(new CommandFailed({ lines: [silent(name)], unreachable: true }))
            }),
            Effect.mapError(explained)
          )
      })
    })
  )
}

/** The server gives a request up after 30 s and says so; longer than that, nobody is there. */
const PATIENCE = Duration.seconds(35)
const silent = (name: string) => `${name} did not answer within ${Duration.format(PATIENCE)}`

/** Where requests go, as whom, and what it is called in what is said to a person. */
const reached = Effect.gen(function* () {
  const flags = {
    context: Option.getOrUndefined(yield* KubeContext),
    namespace: Option.getOrUndefined(yield* KubeNamespace),
    release: Option.getOrUndefined(yield* KubeRelease)
  }
  if (yield* Kube) {
    if (Option.isSome(yield* Server)) return yield* wrongUse("--kube finds the server itself; leave --server out")
    const token = yield* givenToken
    const { inCluster } = yield* Effect.promise(() => import("./kube.ts"))
    return yield* inCluster({ ...flags, token })
  }
  if (Object.values(flags).some((flag) => flag !== undefined)) {
    return yield* wrongUse("--context, --kube-namespace and --release choose a server in a cluster; add --kube")
  }
  const server = yield* findServer
  return { server, name: server, token: yield* findToken(server), explained: (error: CommandFailed) => error }
})

const findServer = Effect.gen(function* () {
  const given = Option.getOrUndefined(yield* Server) ?? variable("DRIFTLESS_SERVER")
  if (given !== undefined) {
    const url = commandSettings.DRIFTLESS_SERVER.parse(given)
    if (Result.isSuccess(url)) return url.success
    return yield* wrongUse(`"${given}" is not the URL of a server; write for example http://127.0.0.1:8080`)
  }
  const { DRIFTLESS_API_PORT } = settings
  const port = DRIFTLESS_API_PORT.parse(variable("DRIFTLESS_API_PORT") ?? String(DRIFTLESS_API_PORT.default))
  if (Result.isFailure(port)) return yield* wrongUse(`DRIFTLESS_API_PORT ${port.failure}`)
  if (port.success === 0) return yield* wrongUse("DRIFTLESS_API_PORT is 0: name the server's port with --server")
  return `http://127.0.0.1:${port.success}`
})

const givenToken = Effect.gen(function* () {
  const given = Option.getOrUndefined(yield* Token)
  if (given !== undefined) return given
  const fromEnvironment = variable("DRIFTLESS_ADMIN_TOKEN")
  return fromEnvironment === undefined ? undefined : Redacted.make(fromEnvironment)
})

const findToken = Effect.fnUntraced(function* (server: string) {
  const given = yield* givenToken
  if (given !== undefined) return given
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(variable("DRIFTLESS_DATA_DIR") ?? String(settings.DRIFTLESS_DATA_DIR.default), "admin-token")
  if (!isThisMachine(server)) {
    return yield* failed(`no token for ${server}: give --token or set DRIFTLESS_ADMIN_TOKEN`)
  }
  const text = yield* files.readFileString(file).pipe(Effect.mapError((error) => noToken(file, error.reason._tag)))
  if (text.trim() === "") return yield* noToken(file, "it is empty")
  return Redacted.make(text.trim())
})

const noToken = (file: string, why: string) =>
  failed(
    `no token: give --token, set DRIFTLESS_ADMIN_TOKEN, or run where the server's data is: ${file} (${WHY.get(why) ?? why})`,
    "a server that has no DRIFTLESS_ADMIN_TOKEN writes the file at its first start; DRIFTLESS_DATA_DIR says in which folder"
  )

const WHY = new Map([
  ["NotFound", "there is no such file"],
  ["PermissionDenied", "this user may not read it"]
])

const isThisMachine = (server: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/u.test(new URL(server).hostname)

/** An empty variable counts as not set, as for the server. */
const variable = (name: string): string | undefined => process.env[name] || undefined
