/** What the environment does to a world: outages, storms, clocks, fail-overs, wake-ups, pages, an upgrade in between. */
import type { FaultEffect } from "../src/simulator/faults.ts"
import { CLOUDFLARE_LIMIT } from "../src/simulator/limits.ts"
import { type Step, wordsOf } from "./steps.ts"
import { expandTables, keepTables, putTablesBack } from "./tables.ts"
import { fill, makeRoom } from "./waiting.ts"
import { CLUSTER_TOKENS, SECRETS, TOKEN, type World } from "./world.ts"

export type Happening = Exclude<
  Step,
  {
    readonly do:
      | "create"
      | "change"
      | "remove"
      | "retry"
      | "rotate token"
      | `${string} domain`
      | `sql ${string}`
      | `stranger ${string}`
      | `kubectl ${string}`
      | `cluster ${string}`
  }
>

export const happen = (world: World, step: Happening): void => {
  const { engine, kernel, store } = world
  kernel.say(wordsOf(step))
  world.disturbances.trouble(secondsOf(step))
  const later = (seconds: number, run: () => void) => void kernel.after(seconds * 1000, run)
  switch (step.do) {
    case "outage": {
      const kind = step.of === "writes" ? "write" : undefined
      world.disturbances.disturbAll(step.seconds)
      return later(step.seconds, answerAll(world, kind, { do: "answer", status: 503, body: "html" }))
    }
    case "poison":
      return later(
        step.seconds,
        engine.control.addFault({
          times: "always",
          match: { kind: "batch", body: `"${step.name}.` },
          effect: { do: "answer", status: 400, code: 9005, message: "Content for this record is invalid." }
        })
      )
    case "storm":
      world.disturbances.shareLimit(step.seconds * 1000)
      world.disturbances.disturbAll(step.seconds)
      if (step.uneven === true) world.proxy.unevenUntil = kernel.now + step.seconds * 1000
      return engine.control.block(TOKEN, step.seconds)
    case "others use":
      world.disturbances.shareLimit(CLOUDFLARE_LIMIT.windowSeconds * 1000)
      return engine.control.useUp(TOKEN, step.calls)
    case "zone full":
      return fill(world, world.zones[step.zone] ?? "", step.room)
    case "zone has room":
      return makeRoom(world, world.zones[step.zone] ?? "")
    case "zone gone": {
      const kept = engine.control.snapshot()
      engine.control.removeZone(world.zones[0] ?? "")
      world.remember()
      return later(step.seconds, () => {
        engine.control.restore(kept)
        world.remember()
      })
    }
    case "provider restored": {
      const kept = engine.control.snapshot()
      return later(step.lostSeconds, () => {
        kernel.say(`the provider has lost ${step.lostSeconds} s`)
        const ids = () => world.zones.flatMap((zone) => world.recordsOf(zone).map(({ id }) => id))
        const before = new Set(ids())
        engine.control.restore(kept)
        world.providerWatch.cameBack(ids().filter((id) => !before.has(id)))
        world.remember()
      })
    }
    case "provider slow":
      world.isSlow = true
      return later(step.seconds, () => {
        world.isSlow = false
      })
    case "provider lags":
      world.behind = step.behind
      return later(step.seconds, () => {
        world.behind = 0
      })
    case "token revoked": {
      const token = step.token === undefined ? TOKEN : (CLUSTER_TOKENS[step.token] ?? "")
      engine.control.setToken(token, { active: false })
      return later(step.seconds, () => {
        if (token !== TOKEN || !world.isTokenGone) engine.control.setToken(token, { active: true })
      })
    }
    case "token gone":
      world.isTokenGone = true
      return engine.control.setToken(TOKEN, { active: false })
    case "crash":
    case "stall": {
      const process = world.replicas[step.replica]?.process
      if (process === undefined) return
      return step.do === "crash" ? world.crash(process, step.seconds) : world.pause(process, step.seconds)
    }
    case "stop":
      return world.stop(step.replica, step.seconds)
    case "clock jump": {
      const process = world.replicas[step.replica]?.process
      if (process !== undefined) process.skew += step.seconds * 1000
      return world.disturbances.disturbAll()
    }
    case "server clock jump":
      store.skew += step.seconds * 1000
      return world.disturbances.moveWindows()
    case "fail-over":
      keepTables(store.session)
      return later(step.lostSeconds, () => {
        kernel.say(`the database fails over and has lost ${step.lostSeconds} s`)
        putTablesBack(store.session)
        world.reread()
        world.disturbances.moveWindows()
        store.cutAll()
      })
    case "connections cut":
      world.disturbances.cutOff()
      return store.cutAll()
    case "wake-ups":
      store.copies = () => (step.how === "dropped" ? 0 : world.random.between(1, 3))
      return later(step.seconds, () => {
        store.copies = () => 1
      })
    case "pages":
      return later(
        step.seconds,
        answerAll(world, "list", step.how === "partial" ? { do: "page", drop: 1 } : { do: "page", reverse: true })
      )
    case "migration":
      return expandTables(store.session)
  }
}

/** How long it goes on, or until it comes; a clock jumps in an instant. */
const secondsOf = (step: Happening): number => {
  if (step.do === "clock jump" || step.do === "server clock jump") return 0
  return "lostSeconds" in step ? step.lostSeconds : "seconds" in step ? step.seconds : 0
}

/** What it returns ends it, and nothing else that goes wrong at the same time. */
const answerAll = ({ engine }: World, kind: string | undefined, effect: FaultEffect) =>
  engine.control.addFault({ times: "always", effect, ...(kind === undefined ? {} : { match: { kind } }) })

/** Nothing goes wrong from now on; what is down comes up. */
export const becalm = (world: World): void => {
  const { engine, store } = world
  engine.control.clearFaults()
  for (const token of SECRETS) {
    if (token !== TOKEN || !world.isTokenGone) engine.control.setToken(token, { active: true })
  }
  store.copies = () => 1
  world.cluster?.becalm()
  world.isSlow = false
  world.behind = 0
}
