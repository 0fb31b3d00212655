import { jsonOrText } from '../nodes/arguments.js'
import { quote } from '../text.js'
import { invalid } from './checks.js'
import { commandLine } from './command-line.js'
import type { InstructionDefinition } from './definition.js'
import { parseDevice } from './device.js'
import { parseFlags } from './flags.js'
import { mountFlag, parseMount } from './mount.js'

export const run: InstructionDefinition<'run'> = {
  kind: 'run',
  layout: jsonOrText,
  heredocs: true,
  parse(node, base) {
    const flags = parseFlags(node.flags, {
      mount: 'strings',
      network: 'string',
      security: 'string',
      device: 'strings',
    })
    return {
      kind: 'run',
      ...base,
      command: commandLine(node),
      mountFlags: flags.mount.map(mountFlag),
      mounts: [],
      devices: flags.device.map(parseDevice),
      network: oneOf('network mode', flags.network ?? 'default', ['default', 'none', 'host']),
      security: oneOf('security', flags.security ?? 'sandbox', ['sandbox', 'insecure']),
    }
  },
  expand: (instruction, expander) => ({
    ...instruction,
    mounts: instruction.mountFlags.map(({ text }) => parseMount(text, expander)),
  }),
}

function oneOf<const Name extends string>(what: string, value: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === value)
  if (found !== undefined) return found
  return invalid(
    what === 'security' ? `security ${quote(value)} is not valid` : `invalid ${what} ${quote(value)}`,
    `It may be ${names.join(', ')}`,
  )
}
