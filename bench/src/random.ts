/** Repeatable pseudo-random numbers (xoshiro128**): the same seed gives the same sequence on any machine. */
export interface Random {
  /** A whole number, both ends included. */
  between(low: number, high: number): number
  bytes(length: number): Buffer
}

export function createRandom(seed: number): Random {
  const state = seedState(seed)
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(state[1]!, 5), 7), 9) >>> 0
    const shifted = state[1]! << 9
    state[2]! ^= state[0]!
    state[3]! ^= state[1]!
    state[1]! ^= state[2]!
    state[0]! ^= state[3]!
    state[2]! ^= shifted
    state[3] = rotate(state[3]!, 11)
    return result
  }
  return {
    between: (low, high) => low + Math.floor((next() / 2 ** 32) * (high - low + 1)),
    bytes(length) {
      const words = new Uint32Array(Math.ceil(length / 4))
      for (let i = 0; i < words.length; i++) words[i] = next()
      return Buffer.from(words.buffer, 0, length)
    },
  }
}

/** Spreads a small seed over the whole state (splitmix32). */
function seedState(seed: number): Int32Array {
  const state = new Int32Array(4)
  let value = seed
  for (let i = 0; i < 4; i++) {
    value = (value + 0x9e3779b9) | 0
    const a = Math.imul(value ^ (value >>> 16), 0x21f0aaad)
    const b = Math.imul(a ^ (a >>> 15), 0x735a2d97)
    state[i] = b ^ (b >>> 15)
  }
  return state
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
