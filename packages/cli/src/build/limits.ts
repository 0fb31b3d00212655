import type { BuildOptions } from '@tsbuild/core'
import { badFlag } from '../errors.js'

type ResourceLimit = NonNullable<BuildOptions['limits']>[number]

/** Docker's names. */
const names = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]

/** Reads `--ulimit name=soft[:hard]`; -1 is unlimited. The last one of a name counts.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readLimits(texts: readonly string[]): ResourceLimit[] {
  return [...new Map(texts.map(readLimit).map((limit) => [limit.name, limit])).values()]
}

function readLimit(text: string): ResourceLimit {
  const [, name = '', soft = '', hard = soft] = /^([^=]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? []
  if (name === '') throw badFlag('--ulimit', text, 'not name=soft[:hard]', 'e.g. nofile=1024:2048, nproc=-1')
  if (!names.includes(name)) throw badFlag('--ulimit', text, `there is no limit "${name}"`, names.join(', '))
  const limit = { name, soft: valueOf(soft), hard: valueOf(hard) }
  if (limit.soft > limit.hard) throw badFlag('--ulimit', text, 'the soft limit is above the hard one')
  return limit
}

function valueOf(text: string): number {
  return text === '-1' ? Number.POSITIVE_INFINITY : Number(text)
}
