import type { HealthcheckConfig } from '@tsbuild/spec'
import { wordThenJsonOrText } from '../nodes/arguments.js'
import type { Node } from '../nodes/node.js'
import { quote } from '../text.js'
import { invalid, requireArguments } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { formatDuration, parseDuration } from './duration.js'
import { parseFlags } from './flags.js'

const minimumNs = 1_000_000

export const healthcheck: InstructionDefinition<'healthcheck'> = {
  kind: 'healthcheck',
  layout: wordThenJsonOrText,
  parse(node, base) {
    requireArguments('HEALTHCHECK', node.args)
    return { kind: 'healthcheck', ...base, healthcheck: config(node) }
  },
}

function config(node: Node): HealthcheckConfig {
  const [type = '', ...args] = node.args
  const upper = type.toUpperCase()
  if (upper === 'NONE') {
    if (args.length > 0) invalid('HEALTHCHECK NONE takes no arguments')
    return { Test: ['NONE'] }
  }
  const flags = parseFlags(node.flags, {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  })
  if (upper !== 'CMD') invalid(`Unknown type ${quote(upper)} in HEALTHCHECK (try CMD)`)
  if (args.length === 0) invalid('Missing command after HEALTHCHECK CMD')
  return {
    Test: [node.json ? 'CMD' : 'CMD-SHELL', ...args],
    ...interval('Interval', 'interval', flags.interval),
    ...interval('Timeout', 'timeout', flags.timeout),
    ...interval('StartPeriod', 'start-period', flags['start-period']),
    ...interval('StartInterval', 'start-interval', flags['start-interval']),
    ...retries(flags.retries),
  }
}

function interval(member: string, flag: string, text: string | undefined): Record<string, number> {
  if (!text) return {}
  const ns = parseDuration(text)
  if (ns === 0) return {}
  if (ns < minimumNs) invalid(`Interval ${quote(flag)} cannot be less than ${formatDuration(minimumNs)}`)
  return { [member]: ns }
}

function retries(text: string | undefined): { readonly Retries?: number } {
  if (!text) return {}
  if (!/^[+-]?\d+$/.test(text)) invalid(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`)
  const count = Number(text)
  if (Math.abs(count) > 0x7fff_ffff) invalid(`strconv.ParseInt: parsing ${quote(text)}: value out of range`)
  if (count < 0) invalid(`--retries cannot be negative (${count})`)
  return count === 0 ? {} : { Retries: count }
}
