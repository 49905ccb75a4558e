/** What a body refers to is judged with the rest of it, so that nobody needs a second round to learn of it. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { aDomain, type Surfaces, start } from "../support/control-plane.ts"
import { errors } from "../support/documents.ts"

let plane: Surfaces
let domainId: number

beforeAll(async () => {
  plane = await start()
  domainId = (await aDomain(plane, "example.test")).domainId
})
afterAll(() => plane.close())

const NOBODY = 999_999
const pathsOf = async (path: string, body: object) => {
  const answer = await plane.post(`/api/v1/${path}`, body)
  expect(answer.status).toBe(400)
  return errors(answer)
    .map((error) => error.path)
    .toSorted()
}
const record = (some: object) => ({ domainId, type: "A", name: "www", value: "192.0.2.1", ...some })

it.each<readonly [string, object, ReadonlyArray<string>]>([
  ["the schema sees", { ttl: 5 }, ["domainId", "ttl"]],
  ["only the values show", { value: "1.2.3" }, ["domainId", "value"]]
])("a record of a domain that is not there is told so beside mistakes that %s", async (_, some, paths) => {
  expect(await pathsOf("dns/records/create", record({ domainId: NOBODY, ...some }))).toEqual(paths)
})

it("a name that ends in the zone's is told beside mistakes that the schema sees", async () => {
  expect(await pathsOf("dns/records/create", record({ name: "www.example.test", ttl: 5 }))).toEqual(["name", "ttl"])
})

it.each<readonly [string, object, ReadonlyArray<string>]>([
  ["the schema sees", { purpose: "fun" }, ["apiKeyId", "purpose"]],
  ["only the name shows", { domain: "-.test" }, ["apiKeyId", "domain"]]
])("a domain of a credential that is not there is told so beside mistakes that %s", async (_, some, paths) => {
  expect(await pathsOf("domains/create", { domain: "new.test", apiKeyId: NOBODY, ...some })).toEqual(paths)
})

it("a domain that is to use a credential that is not there is told so beside its other mistakes", async () => {
  expect(await pathsOf("domains/update", { id: domainId, apiKeyId: NOBODY, purpose: "fun" })).toEqual([
    "apiKeyId",
    "purpose"
  ])
})

it("an id that is none is a mistake of its own, and nothing is looked for", async () => {
  for (const id of [0, -1, 1.5, "1", null]) {
    expect(await pathsOf("dns/records/create", record({ domainId: id }))).toEqual(["domainId"])
    expect(await pathsOf("domains/create", { domain: "new.test", apiKeyId: id })).toEqual(["apiKeyId"])
  }
})

it("what is wrong in its reference alone is not found", async () => {
  const { body, status } = await plane.post("/api/v1/domains/create", { domain: "new.test", apiKeyId: NOBODY })
  expect([status, body.code]).toEqual([404, 3001])
})
