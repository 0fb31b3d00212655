import type { EngineInfo } from '@tsbuild/core'
import { addEngineFlags, type EngineFlags, openEngine } from '../engine.js'
import { compileTemplate } from '../template/render.js'
import { version } from '../version.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
}

export const info: CliCommand = {
  summary: 'Show what this machine can do',
  define(command) {
    command.option('-f, --format <format>', '"json" or a Go template')
    addEngineFlags(command)
    command.addHelpText('after', "\nExample:\n  tsbuild info --format '{{.snapshotter.kind}}'")
  },
  async run(command) {
    const flags = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const facts = { version, ...(await engine.info()) }
    if (flags.format === undefined) return { stdout: describe(facts) }
    const text = flags.format === 'json' ? JSON.stringify(facts) : compileTemplate(flags.format)(facts)
    return { stdout: `${text}\n` }
  },
}

function describe({ root, snapshotter, runtime, version: program }: EngineInfo & { readonly version: string }): string {
  const lines = [`Version:      ${program}`, `Root folder:  ${root}`]
  for (const [title, { kind, missing }] of [
    ['Snapshotter:', snapshotter],
    ['Runtime:', runtime],
  ] as const) {
    lines.push(`${title.padEnd(13)} ${kind}`)
    if (missing !== undefined) lines.push(`${''.padEnd(13)} missing for more: ${missing}`)
  }
  return `${lines.join('\n')}\n`
}
