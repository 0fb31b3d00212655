import { mkdir } from 'node:fs/promises'
import { command } from '@tsbuild/testkit'
import type { Builder } from '../builders/builder.js'
import { bytes, markdownTable } from '../markdown.js'
import { measure } from '../measure.js'
import type { Figure } from './figure.js'

interface Used {
  readonly built: number
  readonly pruned: number
}

/** What the builder's folder takes more after a build than with the base image alone. */
export const disk: Figure = {
  name: 'disk',
  about: 'disk that a build adds, before and after a prune',
  how: () => 'once',
  async measure({ builders, workloads, signal }) {
    const body: string[][] = []
    for (const { workload, folder, base } of workloads) {
      const context = workload.writeFiles === undefined ? undefined : await diskBytes(folder)
      const used: Used[] = []
      for (const builder of builders) {
        signal.throwIfAborted()
        used.push(await measureUsed(builder, folder, base, signal))
      }
      const cells = (pick: (used: Used) => number): string[] => used.map((one) => cell(pick(one), context))
      body.push([workload.name, 'after the build', bytes(context), ...cells(({ built }) => built)])
      body.push([workload.name, 'after a prune', bytes(context), ...cells(({ pruned }) => pruned)])
    }
    return [
      'What a build adds to the folder of the builder, as `du` counts it, and in brackets as a multiple of the context. The image is kept, and ' +
        'the prune removes what no image has (`tsbuild prune -f`, `docker builder prune -f`, `buildah rmi --prune`):',
      markdownTable(['workload', '', 'context', ...builders.map(({ name }) => name)], body),
    ].join('\n\n')
  },
}

async function measureUsed(builder: Builder, folder: string, base: string, signal: AbortSignal): Promise<Used> {
  await builder.reset(base)
  await mkdir(builder.data, { recursive: true })
  const before = await diskBytes(builder.data)
  await measure(builder.command(folder), { daemons: builder.daemons, signal })
  const built = (await diskBytes(builder.data)) - before
  await builder.prune()
  return { built, pruned: (await diskBytes(builder.data)) - before }
}

/** Blocks that a folder takes, each file counted once; other file systems mounted in it are left out. */
async function diskBytes(directory: string): Promise<number> {
  return Number.parseInt(await command('du', ['-sx', '--block-size=1', directory]), 10)
}

function cell(added: number, context: number | undefined): string {
  return context === undefined ? bytes(added) : `${bytes(added)} (${(added / context).toFixed(2)} ×)`
}
