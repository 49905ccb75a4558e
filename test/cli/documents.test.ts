/** Documents are read as people write them, and every mistake is told with the place where it stands. */
import { expect, test } from "vitest"
import { readDocuments } from "../../src/cli/documents.ts"

const read = (text: string, name = "zone.yaml") => readDocuments([{ name, text }])
const values = (text: string) => {
  const { documents, mistakes } = read(text)
  expect(mistakes).toEqual([])
  return documents.map(({ value }) => value)
}
const only = (text: string) => {
  const { documents } = read(text)
  const [first] = documents
  if (first === undefined || documents.length > 1) throw new Error(`${documents.length} documents`)
  return first
}

const RECORD = `# ours
kind: DnsRecord
metadata:
  name: www
  labels:
    app.kubernetes.io/name: 5
    app.kubernetes.io: 6
spec:
  domainRef: {name: example}
  values:
    - 192.0.2.1
    - 300.1.1.1
`

test("several documents with comments between them are read in their order", () => {
  expect(values("# first\na: 1 # one\n---\n# second\nb: [x, y]\n")).toEqual([{ a: 1 }, { b: ["x", "y"] }])
})

test("documents that hold nothing are passed over and not counted", () => {
  const { documents } = read("# licence\n---\n---\na: 1\n---\n~\n---\nb: 2\n---\n")
  expect(documents.map(({ label, value }) => [label, value])).toEqual([
    ["zone.yaml: document 1", { a: 1 }],
    ["zone.yaml: document 2", { b: 2 }]
  ])
})

test("a file of comments alone holds no documents and no mistakes", () => {
  expect(read("# nothing yet\n")).toEqual({ documents: [], mistakes: [] })
})

test("JSON is read, with tabs and on one line", () => {
  expect(values('{\n\t"a": 1,\n\t"b": [true, null]\n}\n')).toEqual([{ a: 1, b: [true, null] }])
  expect(values('{"a":"\\u00fc"}')).toEqual([{ a: "ü" }])
})

test("a List, as `get -o json` prints it, is read as its items", () => {
  const { documents } = read('{"kind": "List", "items": [{"a": 1},\n{"spec": {"b": 2}}]}')
  expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, { spec: { b: 2 } }])
  expect(documents[1]?.locate("spec.b")).toBe("zone.yaml:2:11: item 2")
})

test("words such as yes, on and 0123 stay what YAML 1.2 says they are", () => {
  expect(values("a: yes\nb: on\nc: 1:30")).toEqual([{ a: "yes", b: "on", c: "1:30" }])
})

test("anchors and merge keys are resolved", () => {
  expect(values("base: &base {ttl: 60}\nspec:\n  <<: *base\n  name: www")).toEqual([
    { base: { ttl: 60 }, spec: { ttl: 60, name: "www" } }
  ])
})

test("every syntax mistake of every file is told with its line and column", () => {
  const { documents, mistakes } = readDocuments([
    { name: "a.yaml", text: "a: 1\n---\nb: 1\nb: 2\n---\nc: !secret x\n" },
    { name: "b.yaml", text: "ok: true\n" },
    { name: "c.json", text: '{"a": [1, 2}' }
  ])
  expect(mistakes.slice(0, 2)).toEqual(["a.yaml:4:1: Map keys must be unique", "a.yaml:6:4: Unresolved tag: !secret"])
  expect(mistakes.slice(2).every((mistake) => mistake.startsWith("c.json:1:"))).toBe(true)
  expect(mistakes.length).toBeGreaterThan(2)
  expect(documents.map(({ label }) => label)).toEqual(["b.yaml"])
})

test("an alias without an anchor is a mistake of its document", () => {
  const { mistakes } = read("a: 1\n---\nb: *nope\n")
  expect(mistakes).toHaveLength(1)
  expect(mistakes[0]).toMatch(/^zone\.yaml: document 2: .*nope/u)
})

test("aliases that would grow without end are refused", () => {
  const names = [..."abcdefghi"]
  const lines = names.map((name, index) => {
    const before = names[index - 1]
    const items =
      before === undefined ? Array.from({ length: 9 }, () => "x") : Array.from({ length: 9 }, () => `*${before}`)
    return `${name}: &${name} [${items.join(", ")}]`
  })
  const { documents, mistakes } = read(lines.join("\n"))
  expect(documents).toEqual([])
  expect(mistakes.join()).toMatch(/alias/iu)
})

test.each([
  ["", "zone.yaml:2:1"],
  ["kind", "zone.yaml:2:1"],
  ["metadata.name", "zone.yaml:4:3"],
  ["spec.domainRef.name", "zone.yaml:9:15"],
  ["spec.values[1]", "zone.yaml:12:7"],
  ["spec.values", "zone.yaml:10:3"]
])("the field at %j is found in its file", (path, place) => {
  expect(only(RECORD).locate(path)).toBe(place)
})

test("a key that holds dots is found by its longest name", () => {
  expect(only(RECORD).locate("metadata.labels.app.kubernetes.io/name")).toBe("zone.yaml:6:5")
  expect(only(RECORD).locate("metadata.labels.app.kubernetes.io")).toBe("zone.yaml:7:5")
})

test("a field that is missing is told at what should hold it", () => {
  expect(only(RECORD).locate("spec.type")).toBe("zone.yaml:9:3")
  expect(only(RECORD).locate("spec.values[7]")).toBe("zone.yaml:11:5")
})

test("where a file has several documents, a place says which of them", () => {
  expect(read("a: 1\n---\nb: 1\n").documents[1]?.locate("b")).toBe("zone.yaml:3:1: document 2")
})
