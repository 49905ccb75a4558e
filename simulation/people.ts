/**
 * People and strangers. Somebody who asks for something asks again until it stands in the database, whatever became of
 * the answer; only then do they ask for the next thing of that name.
 */
import { isDeepStrictEqual } from "node:util"
import { type Effect, Exit, Option, Redacted } from "effect"
import type { DatabaseError } from "../src/database/database.ts"
import * as credentials from "../src/reconcilers/dns/store/credentials.ts"
import * as domains from "../src/reconcilers/dns/store/domains.ts"
import * as records from "../src/reconcilers/dns/store/records.ts"
import type { Refused } from "../src/reconcilers/dns/store/refusal.ts"
import type { Services } from "./replica.ts"
import { type Step, wordsOf } from "./steps.ts"
import type { RecordRow } from "./rows.ts"
import { makeRoom } from "./waiting.ts"
import { contentOf } from "./watch-provider.ts"
import { CLUSTER_TOKENS, type World } from "./world.ts"

type AskingForRecord = Extract<Step, { readonly do: "create" | "change" | "remove" | "retry" }>
/** What zones rest on. */
type Setting = Extract<Step, { readonly do: `${string} domain` | "rotate token" }>
type Asking = AskingForRecord | Setting
type Meddling = Extract<Step, { readonly do: `stranger ${string}` }>
const isSetting = (step: Step): step is Setting => step.do === "rotate token" || step.do.endsWith(" domain")
export const isAsking = (step: Step): step is Asking =>
  isSetting(step) || ["create", "change", "remove", "retry"].includes(step.do)
export const isMeddling = (step: Step): step is Meddling => step.do.startsWith("stranger ")

type Call = Effect.Effect<unknown, DatabaseError | Refused, Services>

/** Somebody who got no answer waits so long before asking again, in milliseconds. */
const PATIENCE = 7_000

export class People {
  readonly #world: World
  /** What is asked for of a name, in order; the first is under way. */
  readonly #wishes = new Map<string, Array<Asking>>()
  /** Those whose last answer was that another row asks for just that. */
  readonly #toldTaken = new Set<Asking>()
  /** Wishes that nobody has confirmed yet. */
  open = 0

  constructor(world: World) {
    this.#world = world
  }

  ask(step: Asking): void {
    this.open++
    const wishes = this.#wishes.get(nameOf(step)) ?? []
    this.#wishes.set(nameOf(step), [...wishes, step])
    if (wishes.length === 0) this.#try(step)
  }

  /** Of the open ones, those that nothing excuses; what is barred keeps what is to follow it from being asked at all. */
  get owed(): number {
    const queues = [...this.#wishes.values()].filter(([first]) => first !== undefined && !this.#isBarred(first))
    return queues.flat().length
  }

  /**
   * Told that another row asks for that value, which is so: a row on its way out. It goes once the provider confirms it,
   * and in a zone whose token was revoked for good that never comes.
   */
  #isBarred(step: Asking): boolean {
    if (step.do !== "change" || !this.#toldTaken.has(step) || !this.#world.isCutOff(step.zone + 1)) return false
    return this.rowsOf(step).some((row) => !row.present && row.value === step.value)
  }

  #stands(step: Asking): void {
    this.#world.kernel.say(`user: ${wordsOf(step)} stands`)
    this.open--
    const [, ...rest] = this.#wishes.get(nameOf(step)) ?? []
    this.#wishes.set(nameOf(step), rest)
    if (rest[0] !== undefined) this.#try(rest[0])
  }

  #try(step: Asking): void {
    const { kernel } = this.#world
    const call = this.#callFor(step)
    if (call === undefined) return this.#stands(step)
    kernel.say(`user: asks for ${wordsOf(step)}`)
    let isHeard = false
    const isOnce = ["retry", "set domain", "confirm domain", "rotate token"].includes(step.do)
    const isTaken = step.do === "retry" ? this.#retryOf(step) : () => true
    const asked = this.#world.call(call, (exit) => {
      isHeard = true
      if (exit._tag === "Success" && !isTaken()) kernel.fail("L5", `${wordsOf(step)} was taken, and changes nothing`)
      kernel.say(`user: hears ${exit._tag}`)
      if (isAlreadyThere(exit)) this.#toldTaken.add(step)
      else this.#toldTaken.delete(step)
      // Such is done when it was taken: when a row is no longer rejected, for one, is up to its zone.
      const isDone = exit._tag === "Success" && isOnce
      kernel.after(exit._tag === "Success" ? 0 : PATIENCE, () => (isDone ? this.#stands(step) : this.#try(step)))
    })
    // What was asked of a process that stands still may yet be done: only its death is an answer too.
    const lookAgain = () => {
      if (isHeard) return
      if (asked?.alive === true) kernel.after(PATIENCE, lookAgain)
      else this.#try(step)
    }
    kernel.after(PATIENCE, lookAgain)
  }

  /** Whether it had an effect, once it was answered; of a row that was about to be tried anyway nobody can tell. */
  #retryOf(step: AskingForRecord): () => boolean {
    const { store, storeWatch } = this.#world
    const [row] = this.rowsOf(step).filter(({ present }) => present)
    const before = { epoch: storeWatch.epoch, skew: store.skew }
    return () => {
      const after = row && storeWatch.records.get(row.id)
      if (row === undefined || after?.generation !== row.generation || after.retryCount !== row.retryCount) return true
      const isHeld = row.rejected && (row.stopped || row.nextRetryAt > store.now)
      return !isHeld || storeWatch.epoch !== before.epoch || store.skew !== before.skew
    }
  }

  /** Undefined where nothing is left to do. */
  #callFor(step: Asking): Call | undefined {
    return isSetting(step) ? this.#settingFor(step) : this.#recordFor(step)
  }

  #settingFor(step: Setting): Call | undefined {
    const { storeWatch, zones } = this.#world
    if (step.do === "rotate token") {
      return credentials.update({ id: 1, apiToken: Redacted.make(CLUSTER_TOKENS[step.token] ?? "") })
    }
    const domain = zones[step.zone] ?? ""
    const id = storeWatch.isGone(domain) ? undefined : storeWatch.domainOf(domain)
    switch (step.do) {
      case "set domain":
        return id === undefined ? undefined : domains.update({ id, status: step.status })
      case "confirm domain":
        return id === undefined ? undefined : domains.update({ id, confirmDeletions: true })
      case "drop domain":
        return id === undefined ? undefined : domains.remove([id])
      case "make domain":
        return id === undefined ? domains.create({ domain, apiKeyId: 1 }) : undefined
    }
  }

  #recordFor(step: AskingForRecord): Call | undefined {
    const rows = this.rowsOf(step)
    const [row] = rows.filter(({ present }) => present)
    switch (step.do) {
      case "create":
        return rows.some((one) => one.present && one.value === step.value)
          ? undefined
          : records.create({
              domainId: step.zone + 1,
              type: step.type,
              name: step.name,
              value: step.value,
              ...(step.ttl === undefined ? {} : { ttl: step.ttl }),
              ...(step.owner === undefined ? {} : { ownerId: step.owner })
            })
      case "change": {
        const { comment, proxied, ttl, value } = step
        const change = {
          ...(value === undefined ? {} : { value }),
          ...(ttl === undefined ? {} : { ttl }),
          ...(proxied === undefined ? {} : { proxied }),
          ...(comment === undefined ? {} : { comment })
        }
        const isSo = row === undefined || isDeepStrictEqual({ ...row, ...change }, row)
        return isSo ? undefined : records.update({ id: row.id, ...change })
      }
      case "remove":
        return row === undefined ? undefined : records.remove(rows.map(({ id }) => id))
      case "retry":
        return row?.rejected === true ? records.retry(row.id) : undefined
    }
  }

  /** Where retries have stopped somebody asks again, since nobody else ever would. */
  revive(): void {
    for (const { id, stopped } of this.#world.storeWatch.records.values()) {
      if (stopped) this.#world.call(records.retry(id), () => undefined)
    }
  }

  /** What has waited for somebody: deletions are confirmed, and there is room. */
  help(): void {
    const { kernel, scenario, zones } = this.#world
    for (const [zone, name] of zones.slice(0, scenario.zones).entries()) {
      kernel.say(`somebody helps ${name}`)
      makeRoom(this.#world, name)
      if (scenario.maxDeletions !== undefined) this.ask({ at: 0, do: "confirm domain", zone })
    }
  }

  rowsOf({
    name,
    owner = 0,
    type,
    zone
  }: Pick<AskingForRecord, "zone" | "type" | "name" | "owner">): ReadonlyArray<RecordRow> {
    return [...this.#world.storeWatch.records.values()].filter(
      (row) => row.domainId === zone + 1 && row.type === type && row.name === name && row.ownerId === owner
    )
  }

  meddle(step: Meddling): void {
    const { engine, kernel, zones } = this.#world
    const zone = zones[step.zone] ?? ""
    const name = step.name === "@" ? zone : `${step.name}.${zone}`
    kernel.say(wordsOf(step))
    // In a zone that is gone for a while nobody has anything.
    if (!this.#world.hasZone(zone)) return
    if (step.do === "stranger adds") {
      const comment = step.mark === undefined ? null : `[driftless:${step.mark}]`
      const content = contentOf({ type: step.type, value: step.value })
      engine.control.edit({ op: "create", zone, record: { type: step.type, name, content, comment } })
    } else {
      const record = this.#world.recordsOf(zone).find((one) => one.type === step.type && one.name === name)
      if (record === undefined) return
      const { id } = record
      const fields =
        step.do === "stranger edits"
          ? { content: contentOf({ type: step.type, value: step.value }) }
          : { comment: null }
      engine.control.edit(
        step.do === "stranger deletes" ? { op: "delete", zone, id } : { op: "edit", zone, id, fields }
      )
    }
    this.#world.remember()
  }
}

const isAlreadyThere = (exit: Exit.Exit<unknown, DatabaseError | Refused>): boolean =>
  Exit.findErrorOption(exit).pipe(Option.exists((error) => error._tag === "Refused" && error.code === 3002))

const nameOf = (step: Asking) =>
  isSetting(step)
    ? step.do === "rotate token"
      ? "token"
      : `domain ${step.zone}`
    : `${step.zone} ${step.name} ${step.owner ?? 0}`
