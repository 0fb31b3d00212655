import type { CacheEntryType, CacheFilter } from '@tsbuild/core'
import { parseBoolean } from '../booleans.js'
import { timeFlag } from '../containers/duration.js'
import { badFlag } from '../errors.js'

const keys = ['id', 'type', 'description', 'inuse', 'shared', 'until', 'unused-for']
const types = ['regular', 'exec.cachemount']

export const filterHelp =
  'id=<id>, type=regular|exec.cachemount, description~=<pattern>, inuse[=<bool>], shared[=<bool>], until=<time>, unused-for=<duration>'

/** What `--filter` of `du` and `prune` says; all filters must be met.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function cacheFilter(texts: readonly string[], now: number): CacheFilter {
  return Object.assign({}, ...texts.map((text) => one(text, now)))
}

function one(text: string, now: number): CacheFilter {
  const [, key = '', operator = '', value = ''] = /^([\w-]+)(?:(~=|==|=)(.*))?$/s.exec(text) ?? []
  const flag = (name: 'inUse' | 'shared') => ({ [name]: operator === '' || parseBoolean('--filter', value) })
  if (!keys.includes(key)) throw badFlag('--filter', text, `there is no filter "${key || text}"`, keys.join(', '))
  if (operator === '~=' && key !== 'description') throw badFlag('--filter', text, 'only description takes a pattern')
  if (key === 'inuse') return flag('inUse')
  if (key === 'shared') return flag('shared')
  if (value === '') throw badFlag('--filter', text, 'it has no value')
  if (key === 'id') return { id: value }
  if (key === 'type') {
    if (!types.includes(value)) throw badFlag('--filter', text, 'no such type', types.join(', '))
    return { type: value as CacheEntryType }
  }
  if (key === 'description') return { description: pattern(text, operator === '~=' ? value : escape(value)) }
  return { unusedSince: timeFlag('--filter', value, now) }
}

function pattern(text: string, source: string): RegExp {
  try {
    return new RegExp(source)
  } catch (cause) {
    throw badFlag('--filter', text, `it is no pattern: ${(cause as Error).message}`)
  }
}

function escape(text: string): string {
  return `^${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`
}
