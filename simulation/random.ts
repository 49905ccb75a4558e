/**
 * Random numbers that follow from a seed alone. Each use draws from a stream of its own, so that one more draw here moves
 * nothing there.
 */

export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<A>(from: readonly [A, ...ReadonlyArray<A>] | ReadonlyArray<A>): A
  /** `size` lower-case hexadecimal digits. */
  hex(size: number): string
}

/** sfc32, which passes PractRand and needs four words of state; https://pracrand.sourceforge.net */
export const randomOf = (seed: number | string, stream: string): Random => {
  let [a, b, c, d] = words(`${seed}/${stream}`)
  const word = () => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) word()
  const next = () => word() / 4_294_967_296
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (from) => {
      const value = from[between(0, from.length - 1)]
      if (value === undefined) throw new Error("nothing to pick from")
      return value
    },
    hex: (size) => Array.from({ length: size }, () => between(0, 15).toString(16)).join("")
  }
}

/** Four words from a text, by FNV-1a with four offsets. */
const words = (text: string): [number, number, number, number] => {
  const state: [number, number, number, number] = [2_166_136_261, 3_339_675_911, 1_013_904_223, 2_654_435_769]
  for (let i = 0; i < text.length; i++) {
    for (let j = 0; j < 4; j++) state[j] = Math.imul((state[j] ?? 0) ^ (text.charCodeAt(i) + j), 16_777_619)
  }
  return state
}
