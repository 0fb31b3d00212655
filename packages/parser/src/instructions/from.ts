import { spaceSeparated } from '../nodes/arguments.js'
import { quote } from '../text.js'
import { invalid } from './checks.js'
import type { InstructionDefinition } from './definition.js'
import { parseFlags } from './flags.js'

const stageNamePattern = /^[a-z][a-z0-9\-_.]*$/

/** Base name and platform are expanded with the global arguments only, by whoever resolves the stages. */
export const from: InstructionDefinition<'from'> = {
  kind: 'from',
  layout: spaceSeparated,
  parse(node, base) {
    const [baseName = '', asKeyword, stageNameSource] = node.args
    const stage = stageName(node.args)
    const { platform } = parseFlags(node.flags, { platform: 'string' })
    return {
      kind: 'from',
      ...base,
      baseName,
      ...(platform ? { platform } : {}),
      ...(stage === undefined || asKeyword === undefined || stageNameSource === undefined
        ? {}
        : { stageName: stage, asKeyword, stageNameSource }),
    }
  },
}

function stageName(args: readonly string[]): string | undefined {
  const [, as, name] = args
  if (args.length === 3 && as?.toLowerCase() === 'as' && name !== undefined) {
    const lower = name.toLowerCase()
    if (stageNamePattern.test(lower)) return lower
    return invalid(`invalid name for build stage: ${quote(name)}, name can't start with a number or contain symbols`)
  }
  if (args.length !== 1) invalid('FROM requires either one or three arguments')
  return undefined
}
