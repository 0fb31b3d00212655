import { changeOf, type Difference, instructionOf, shortText } from '@tsbuild/solver'
import type { JsonValue, MissCause } from '@tsbuild/spec'

/** What a RUN tells of a difference: its command as an instruction, its environment as build arguments and variables. */
export function explainExec(
  { name, before, after, record }: Difference,
  { args, buildArgs }: { readonly args: readonly string[]; readonly buildArgs: readonly string[] },
): MissCause | undefined {
  if (name.startsWith('env ')) {
    const variable = name.slice(4)
    const isArg = after === undefined ? wasArg(record.facts, variable) : buildArgs.includes(variable)
    return { kind: isArg ? 'buildArg' : 'env', name: variable, ...changeOf(before, after) }
  }
  if (name === 'command') {
    const old = textOf(before)
    return { kind: 'instruction', ...(old === undefined ? {} : { before: old, after: textOf([...args]) ?? '' }) }
  }
  if (/^mount \d+ /.test(name)) return { kind: 'content', input: `RUN --mount ${name.replace(/^mount \d+ /, '')}` }
  return undefined
}

function wasArg(facts: JsonValue | undefined, name: string): boolean {
  if (facts === null || typeof facts !== 'object' || !('args' in facts)) return false
  return Array.isArray(facts.args) && facts.args.includes(name)
}

/** A command as a Dockerfile has it: without the usual shell in front. */
function textOf(args: JsonValue | undefined): string | undefined {
  if (!Array.isArray(args)) return undefined
  const words = args.map(String)
  const shell = words[0] === '/bin/sh' && words[1] === '-c' && words.length === 3
  return shortText(instructionOf(`RUN ${shell ? words[2] : words.join(' ')}`))
}
