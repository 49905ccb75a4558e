/**
 * Where a credential's token may come from besides the database: variables that are listed and files below one
 * directory. Anything else is refused, or whoever may write a Credential could send any secret of this process to a
 * provider.
 */
import { Context, Data, Effect, Layer, Redacted } from "effect"
import { open, realpath } from "node:fs/promises"
import { isAbsolute, relative, resolve, sep } from "node:path"

/** The token cannot be had. `reason` becomes a condition; the message holds no secret. */
export class CredentialUnavailable extends Data.TaggedError("CredentialUnavailable")<{
  readonly reason: "NotAllowed" | "TokenMissing" | "TokenUnreadable"
  readonly message: string
}> {}

type Token = Effect.Effect<Redacted.Redacted<string>, CredentialUnavailable>

export interface CredentialSourcesOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The variables that a credential may name. */
  readonly names: ReadonlyArray<string>
  /** The directory that files must be below; undefined allows none. */
  readonly directory: string | undefined
}

export class CredentialSources extends Context.Service<
  CredentialSources,
  {
    env(name: string): Token
    /** `path` is relative to the directory. */
    file(path: string): Token
  }
>()("driftless/reconcilers/dns/CredentialSources") {
  static readonly layer = (options: CredentialSourcesOptions) =>
    Layer.succeed(CredentialSources, {
      env: (name) => Effect.suspend(() => fromEnvironment(options, name)),
      file: (path) => fromDirectory(options.directory, path)
    })
}

function fromEnvironment({ environment, names }: CredentialSourcesOptions, name: string): Token {
  if (!names.includes(name)) {
    return Effect.fail(
      unavailable("NotAllowed", `the variable ${name} may not be used; list it in DRIFTLESS_CREDENTIAL_ENV`)
    )
  }
  return usable(environment[name] ?? "", `the variable ${name}`)
}

const fromDirectory = Effect.fnUntraced(function* (directory: string | undefined, path: string) {
  if (directory === undefined) {
    return yield* unavailable("NotAllowed", "files may not be used; name their directory in DRIFTLESS_CREDENTIAL_DIR")
  }
  // Links are followed before the place is judged, so that none of them leads outside.
  const real = yield* found(path, () => realpath(resolve(directory, path)))
  const root = yield* found(path, () => realpath(directory))
  const inside = relative(root, real)
  if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    return yield* unavailable("NotAllowed", `the file ${path} is outside of DRIFTLESS_CREDENTIAL_DIR`)
  }
  return yield* usable(yield* found(path, () => beginning(real)), `the file ${path}`)
})

const found = <A>(path: string, read: () => Promise<A>) =>
  Effect.tryPromise({
    try: read,
    catch: () => unavailable("TokenMissing", `the file ${path} cannot be read`)
  })

/** One byte more than is allowed, so that a longer file shows; never the whole of an endless one. */
async function beginning(path: string): Promise<string> {
  const handle = await open(path, "r")
  try {
    if (!(await handle.stat()).isFile()) throw new Error("not a file")
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0)
    return buffer.subarray(0, bytesRead).toString("utf8")
  } finally {
    await handle.close()
  }
}

/** A token as it was read somewhere, without the white space around it; `where` says where in a message. */
export function usable(text: string, where: string): Token {
  const token = text.trim()
  if (token === "") return Effect.fail(unavailable("TokenMissing", `${where} is empty or not set`))
  if (Buffer.byteLength(text) > MOST_BYTES) {
    return Effect.fail(unavailable("TokenUnreadable", `${where} is longer than 16 KiB; that is no token`))
  }
  // It becomes a header; a line break in it would be a second one.
  if (!/^[\x21-\x7e]+$/u.test(token)) {
    return Effect.fail(unavailable("TokenUnreadable", `${where} holds characters that no token has`))
  }
  return Effect.succeed(Redacted.make(token))
}

const unavailable = (reason: CredentialUnavailable["reason"], message: string) =>
  new CredentialUnavailable({ reason, message })

const MOST_BYTES = 16 * 1024
