import type { KeyValue } from '../ast.js'
import { invalid, requireArguments } from './checks.js'
import type { Expander } from './definition.js'

export type Pair = KeyValue & { readonly delimiter: '=' | '' }

/** Reads triples key, value, delimiter. */
export function parsePairs(name: string, args: readonly string[]): readonly Pair[] {
  requireArguments(name, args)
  if (args.length % 3 !== 0) invalid(`Bad input to ${name}, too many arguments`)
  const pairs: Pair[] = []
  for (let i = 0; i < args.length; i += 3) {
    const [key = '', value = '', delimiter] = args.slice(i, i + 3)
    if (key === '') invalid(`${name} names can not be blank`)
    pairs.push({ key, value, delimiter: delimiter === '=' ? '=' : '' })
  }
  return pairs
}

export function expandPairs(pairs: readonly Pair[], expander: Expander): readonly Pair[] {
  return pairs.map(({ key, value, delimiter }) => ({
    key: expander.word(key),
    value: expander.word(value),
    delimiter,
  }))
}
