import type { ImageFilter } from '@tsbuild/core'
import { timeFlag } from '../containers/duration.js'
import { badFlag } from '../errors.js'

const listKeys = ['dangling', 'reference', 'label', 'before', 'since', 'until']
const pruneKeys = ['until', 'label', 'label!', 'dangling']

/** What `images --filter` says; of references one must match, labels must all be there.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function listFilter(texts: readonly string[], now: number): ImageFilter {
  return readFilter(texts, listKeys, now)
}

/** What `image prune --filter` says.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function pruneFilter(texts: readonly string[], now: number): ImageFilter {
  return readFilter(texts, pruneKeys, now)
}

function readFilter(texts: readonly string[], keys: readonly string[], now: number): ImageFilter {
  const pairs = texts.map((text) => split(text, keys))
  const all = (key: string) => pairs.flatMap(([one, value]) => (one === key ? [value] : []))
  const last = (key: string) => all(key).at(-1)
  const list = (key: string, member: string) => (all(key).length === 0 ? {} : { [member]: all(key) })
  const [dangling, before, since, until] = ['dangling', 'before', 'since', 'until'].map(last)
  return {
    ...(dangling === undefined ? {} : { dangling: parseBoolean(dangling) }),
    ...list('reference', 'references'),
    ...list('label', 'labels'),
    ...list('label!', 'notLabels'),
    ...(before === undefined ? {} : { before }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until: timeFlag('--filter', until, now) }),
  }
}

function split(text: string, keys: readonly string[]): readonly [key: string, value: string] {
  const equals = text.indexOf('=')
  if (equals <= 0) throw badFlag('--filter', text, 'not key=value')
  const key = text.slice(0, equals)
  if (!keys.includes(key)) throw badFlag('--filter', text, `there is no filter "${key}"`, keys.join(', '))
  return [key, text.slice(equals + 1)]
}

/** Go's strconv.ParseBool. */
function parseBoolean(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true
  if (/^(0|f|false)$/i.test(text)) return false
  throw badFlag('--filter', `dangling=${text}`, 'neither true nor false')
}
