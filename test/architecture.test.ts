/** Who may import whom, how long a file may be, and that nothing goes in circles. A new folder is written in here first. */
import { assert, describe, it } from "vitest"
import { readdirSync, readFileSync } from "node:fs"
import { posix } from "node:path"

/** Patterns of paths below src: `*` is any text. The first rule whose left side fits a file is the one that counts. */
const rules: ReadonlyArray<readonly [files: string, mayImport: ReadonlyArray<string>]> = [
  // They compose the process.
  ["main.ts", ["*"]],
  ["quickstart.ts", ["*"]],
  ["process.ts", ["config.ts", "logging.ts"]],
  // The vocabulary.
  ["model/*", ["model/*"]],
  ["config.ts", ["model/*"]],
  ["logging.ts", []],
  ["metrics.ts", []],
  ["monotonic.ts", []],
  // It stands for the world outside, so that it knows nothing of what is tested on it.
  ["simulator/*", ["simulator/*"]],
  // Ports to the world, and what speaks a vendor's language.
  ["providers/*", ["providers/*", "model/*", "metrics.ts", "monotonic.ts"]],
  // The budget is a port whose real thing is a row that all replicas share.
  ["database/*", ["database/*", "providers/budget.ts", "providers/dns.ts", "model/*", "monotonic.ts"]],
  // The loop, what it holds, and what it tells of itself.
  ...["loop", "leases", "observe"].map(
    (file) =>
      [
        `reconcilers/${file}.ts`,
        [
          "reconcilers/leases.ts",
          "reconcilers/observe.ts",
          "reconcilers/pass.ts",
          "database/*",
          "metrics.ts",
          "monotonic.ts"
        ]
      ] as const
  ),
  ["reconcilers/pass.ts", ["database/work.ts", "model/*"]],
  // Decisions are pure: they look at values and answer values.
  ...["plan", "match", "operation", "wanted", "pack", "view", "interval", "outcome"].map(
    (file) => [`reconcilers/dns/${file}.ts`, ["reconcilers/dns/*", "model/*"]] as const
  ),
  ["reconcilers/dns/store/*", ["reconcilers/dns/store/*", "database/*", "model/*"]],
  [
    "reconcilers/dns/*",
    [
      "reconcilers/dns/*",
      "reconcilers/pass.ts",
      "database/*",
      "providers/dns.ts",
      "providers/budget.ts",
      "model/*",
      "metrics.ts",
      "monotonic.ts"
    ]
  ],
  // The intake from a cluster: documents become the rows of other slices, through their stores. Its decisions are pure.
  ...["object-cache", "objects", "status", "rbac"].map(
    (file) =>
      [`reconcilers/kubernetes/${file}.ts`, ["reconcilers/kubernetes/*", "providers/kubernetes.ts", "model/*"]] as const
  ),
  [
    "reconcilers/kubernetes/*",
    [
      "reconcilers/kubernetes/*",
      "reconcilers/dns/store/*",
      "reconcilers/loop.ts",
      "reconcilers/pass.ts",
      "database/*",
      "providers/kubernetes.ts",
      "model/*",
      "metrics.ts",
      "monotonic.ts"
    ]
  ],
  // Handlers talk to rows, not to loops; the contract knows neither.
  ["api/api.ts", ["api/*-api.ts", "api/authorization.ts", "api/envelope.ts", "model/*"]],
  ["api/*-api.ts", ["api/authorization.ts", "api/envelope.ts", "api/fields.ts", "model/*"]],
  ["api/client.ts", ["api/api.ts", "api/authorization.ts"]],
  ["api/*", ["api/*", "reconcilers/dns/store/*", "database/*", "model/*", "metrics.ts"]],
  // The other side of the contract; `serve` starts the control plane when it is asked for.
  ["cli/serve.ts", ["cli/*", "process.ts", "main.ts"]],
  // What the chart's hooks run: it talks to the cluster, and to no server of ours.
  ["cli/cluster-hooks.ts", ["process.ts", "model/*", "providers/kubernetes*.ts", "reconcilers/kubernetes/objects.ts"]],
  // `--kube`, loaded when it is asked for: how to the server, through a cluster.
  ["cli/kube.ts", ["cli/*", "providers/kubernetes*.ts"]],
  ["cli/*", ["cli/*", "api/client.ts", "api/api.ts", "model/*", "config.ts"]]
]

/** Files that decide and do nothing: of Effect they use data, never effects. */
const pure = rules.map(([files]) => files).filter((files) => /^reconcilers\/dns\/\w+\.ts$/u.test(files))

const root = new URL("../src/", import.meta.url)
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .toSorted()
const textOf = new Map(files.map((file) => [file, readFileSync(new URL(file, root), "utf8")]))

const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*)"([^"]+)"/gu
const importsOf = (file: string) => [...(textOf.get(file) ?? "").matchAll(IMPORT)].map(([, path = ""]) => path)
/** Files below src that a file imports; `src` has no other files of ours but package.json above it. */
const ownImportsOf = (file: string) =>
  importsOf(file)
    .filter((path) => path.startsWith("."))
    .map((path) => posix.normalize(posix.join(posix.dirname(file), path)))
    .filter((path) => path !== "../package.json")

const fits = (path: string, pattern: string) =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/gu, "\\$&").replaceAll("*", ".*")}$`, "u").test(path)
const ruleOf = (file: string) => rules.find(([pattern]) => fits(file, pattern))

describe("the architecture", () => {
  it("has a rule for every file, and a file for every rule", () => {
    assert.deepStrictEqual(
      files.filter((file) => ruleOf(file) === undefined),
      []
    )
    assert.deepStrictEqual(
      rules.filter((rule) => !files.some((file) => ruleOf(file) === rule)).map(([pattern]) => pattern),
      []
    )
  })

  it("lets a file import only what its rule names", () => {
    const broken = files.flatMap((file) => {
      const [, allowed] = ruleOf(file) ?? ["", []]
      return ownImportsOf(file)
        .filter((path) => !allowed.some((pattern) => fits(path, pattern)))
        .map((path) => `${file} imports ${path}`)
    })
    assert.deepStrictEqual(broken, [])
  })

  it("keeps effects out of the files that decide", () => {
    const effects = /import (?!type)[^"]*\b(Effect|Layer|Stream|Clock|Random)\b[^"]*from "effect"|node:/u
    assert.isAbove(pure.length, 5)
    assert.deepStrictEqual(
      pure.filter((file) => effects.test(textOf.get(file) ?? "")),
      []
    )
  })

  it("lets the vocabulary use effect and plain functions only", () => {
    const packages = files
      .filter((file) => file.startsWith("model/"))
      .flatMap(importsOf)
      .filter((path) => !path.startsWith("."))
    assert.includeMembers(["effect", "ipaddr.js", "node:net", "node:url"], [...new Set(packages)])
  })

  it("keeps the database and the providers out of the command line", () => {
    const reached = new Set<string>()
    const reach = (file: string): void => {
      if (reached.has(file)) return
      reached.add(file)
      // What is imported when it is asked for does not load with the rest.
      const dynamic = new Set([...(textOf.get(file) ?? "").matchAll(/import\(\s*"([^"]+)"/gu)].map(([, path]) => path))
      for (const path of importsOf(file)) {
        if (dynamic.has(path)) continue
        if (path.startsWith(".")) reach(posix.normalize(posix.join(posix.dirname(file), path)))
        else reached.add(path)
      }
    }
    reach("cli/main.ts")
    assert.include([...reached], "api/client.ts")
    assert.deepStrictEqual(
      [...reached].filter((path) =>
        /^(pg|kysely|cloudflare|@electric-sql\/|database\/|providers\/|reconcilers\/)/u.test(path)
      ),
      []
    )
  })

  it("has no circle of imports", () => {
    const done = new Set<string>()
    const circles: Array<string> = []
    const visit = (file: string, path: ReadonlyArray<string>): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "))
      if (done.has(file) || path.includes(file)) return
      for (const next of ownImportsOf(file)) visit(next, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepStrictEqual(circles, [])
  })

  it("imports only files that are there, by their whole name", () => {
    const missing = files.flatMap((file) =>
      ownImportsOf(file)
        .filter((path) => !textOf.has(path))
        .map((path) => `${file}: ${path}`)
    )
    assert.deepStrictEqual(missing, [])
  })

  it("has no file over 300 lines", () => {
    const long = [...textOf].filter(([, text]) => text.split("\n").length - 1 > 300).map(([file]) => file)
    assert.deepStrictEqual(long, [])
  })

  it("begins every file with what it keeps true", () => {
    const silent = [...textOf].filter(([, text]) => !/^(#!.*\n)?\/\*\*/u.test(text)).map(([file]) => file)
    assert.deepStrictEqual(silent, [])
  })
})
