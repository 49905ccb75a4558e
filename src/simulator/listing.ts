/**
 * Filters, order and pages of a list. Pages are cut from the records as they are at that moment, by number alone: what
 * is created or deleted between two pages moves the rest, so that a record can be seen twice or missed.
 */
import type { JsonObject } from "./envelope.ts"
import { Refusal, UNKNOWN_REASON } from "./envelope.ts"
import { MAX_PER_PAGE } from "./plans.ts"
import type { StoredRecord } from "./zone-store.ts"

export interface Page<T> {
  readonly items: ReadonlyArray<T>
  readonly info: JsonObject
}

export interface PageBounds {
  readonly min: number
  readonly max: number
  readonly fallback: number
}

export const RECORD_PAGES: PageBounds = { min: 1, max: MAX_PER_PAGE, fallback: 100 }
export const ZONE_PAGES: PageBounds = { min: 5, max: 50, fallback: 20 }

const badQuery = (message: string) => new Refusal(400, 1004, message, [{ code: UNKNOWN_REASON, message }])

export const pageOf = <T>(
  all: ReadonlyArray<T>,
  query: URLSearchParams,
  { fallback, max, min }: PageBounds
): Page<T> => {
  const number = (name: string, low: number, high: number, otherwise: number) => {
    const given = query.get(name)
    if (given === null) return otherwise
    const value = /^\d+$/u.test(given) ? Number(given) : Number.NaN
    if (!(value >= low && value <= high)) throw badQuery(`${name} must be an integer between ${low} and ${high}.`)
    return value
  }
  const perPage = number("per_page", min, max, fallback)
  const page = number("page", 1, Number.MAX_SAFE_INTEGER, 1)
  const items = all.slice((page - 1) * perPage, page * perPage)
  const total_count = all.length
  const total_pages = Math.ceil(total_count / perPage)
  return { items, info: { page, per_page: perPage, count: items.length, total_count, total_pages } }
}

/** The records a list query asks for, in its order; ties, and no order at all, fall back to type, name and id. */
export const selectRecords = (records: Iterable<StoredRecord>, query: URLSearchParams): ReadonlyArray<StoredRecord> => {
  const tests = filtersOf(query)
  const any = oneOf(query, "match", ["all", "any"]) === "any" && tests.length > 0
  const selected = Array.from(records).filter((record) =>
    any ? tests.some((test) => test(record)) : tests.every((test) => test(record))
  )
  const order = oneOf(query, "order", ["type", "name", "content", "ttl", "proxied"])
  const sign = oneOf(query, "direction", ["asc", "desc"]) === "desc" ? -1 : 1
  const fields: ReadonlyArray<Sortable> = [order, "type", "name", "id"]
  return selected.sort((a, b) => {
    const field = fields.find((name) => a[name] !== b[name])
    if (field === undefined) return 0
    const ascending = a[field] < b[field] ? -1 : 1
    return field === order ? ascending * sign : ascending
  })
}

type Sortable = "type" | "name" | "content" | "ttl" | "proxied" | "id"

const oneOf = <const T extends string>(
  query: URLSearchParams,
  name: string,
  [first, ...rest]: readonly [T, ...Array<T>]
): T => {
  const given = query.get(name)
  const found = given === null ? first : [first, ...rest].find((value) => value === given)
  if (found === undefined) throw badQuery(`${name} must be one of ${[first, ...rest].join(", ")}.`)
  return found
}

type Test = (record: StoredRecord) => boolean

const NOT_FILTERS = ["page", "per_page", "order", "direction", "match", "tag_match", "include_shadow_metadata"]

const filtersOf = (query: URLSearchParams): ReadonlyArray<Test> =>
  Array.from(query.entries())
    .filter(([name]) => !NOT_FILTERS.includes(name))
    .map(([name, value]) => filter(name, value))

const filter = (name: string, value: string): Test => {
  const [field = "", operator = "exact"] = name.split(".")
  switch (field) {
    case "type":
      return ({ type }) => type === value
    case "proxied":
      return ({ proxied }) => String(proxied) === value
    case "name":
    case "content": {
      const test = textTest(name, operator, value)
      return (record) => test(record[field])
    }
    case "comment":
      if (operator === "present") return ({ comment }) => comment !== null
      if (operator === "absent") return ({ comment }) => comment === null
      return ({ comment }) => comment !== null && textTest(name, operator, value)(comment)
    case "tag":
      return tagTest(name, operator, value)
    case "search":
      return (record) => [record.name, record.content, record.comment ?? ""].some((text) => text.includes(value))
    default:
      throw badQuery(`${name} is not a filter.`)
  }
}

const textTest = (name: string, operator: string, value: string): ((text: string) => boolean) => {
  const wanted = value.toLowerCase()
  switch (operator) {
    case "exact":
      return (text) => text.toLowerCase() === wanted
    case "contains":
      return (text) => text.toLowerCase().includes(wanted)
    case "startswith":
      return (text) => text.toLowerCase().startsWith(wanted)
    case "endswith":
      return (text) => text.toLowerCase().endsWith(wanted)
    default:
      throw badQuery(`${name} is not a filter.`)
  }
}

/** `tag=name:value` and its kin; the name of a tag is compared without case. */
const tagTest = (name: string, operator: string, given: string): Test => {
  const pairOf = (tag: string) => {
    const at = tag.indexOf(":")
    return at < 0
      ? { key: tag.toLowerCase(), value: "" }
      : { key: tag.slice(0, at).toLowerCase(), value: tag.slice(at + 1) }
  }
  const wanted = pairOf(given)
  const valueOf = ({ tags }: StoredRecord) => tags.map(pairOf).find(({ key }) => key === wanted.key)?.value
  if (operator === "present") return (record) => valueOf(record) !== undefined
  if (operator === "absent") return (record) => valueOf(record) === undefined
  const test = textTest(name, operator, wanted.value)
  return (record) => {
    const value = valueOf(record)
    return value !== undefined && test(value)
  }
}

/** The name filter of the zone list: `example.test`, or an operator before a colon as in `contains:test`. */
export const zoneNameTest = (given: string): ((name: string) => boolean) => {
  const [, operator = "equal", value = given] = /^([a-z_]+):(.*)$/u.exec(given) ?? []
  switch (operator) {
    case "equal":
      return (name) => name === value.toLowerCase()
    case "not_equal":
      return (name) => name !== value.toLowerCase()
    case "contains":
      return (name) => name.includes(value)
    case "starts_with":
      return (name) => name.startsWith(value)
    case "ends_with":
      return (name) => name.endsWith(value)
    default:
      throw badQuery(`${operator} is not an operator of the name filter.`)
  }
}
