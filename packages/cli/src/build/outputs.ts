import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Output } from '@tsbuild/core'
import { binaryStdout } from '../binary-stdout.js'
import { CliError } from '../errors.js'
import type { Io } from '../io.js'
import { type OutputSpec, parseOutput } from '../output-spec.js'
import type { BuildFlags } from './flags.js'

export interface PlannedOutputs {
  readonly outputs: readonly Output[]
  /** Resolves when all streams have been written out. @throws {CliError} `LOAD_FAILED` */
  settle(): Promise<void>
}

/** What `-o`, `--push` and `--load` ask for. Without any of them the image goes into the local store.
 * @throws {CliError} `ARGUMENT_INVALID`, `OUTPUT_INVALID`, `LOAD_FAILED` */
export async function planOutputs(flags: BuildFlags, io: Pick<Io, 'stdout' | 'env'>): Promise<PlannedOutputs> {
  const specs = flags.output.map(parseOutput)
  if (specs.filter(usesStdout).length > 1) throw invalid('only one output can go to standard output')
  if (flags.quiet && specs.some(usesStdout)) throw invalid('--quiet prints the id of the image there')
  const streams: Writable[] = []
  const open = (stream: Writable) => {
    streams.push(stream)
    return stream
  }
  const outputs = specs.map((spec) =>
    outputOf(spec, () => open(binaryStdout(io.stdout, 'Redirect it, or name a file: dest=image.tar'))),
  )
  if (flags.load) {
    const { loaderStream } = await import('./load.js')
    outputs.push({ type: 'docker', dest: open(loaderStream(io.env)) })
  }
  return {
    outputs: pushed(outputs, flags.push === true),
    async settle() {
      for (const stream of streams) await finished(stream.writableEnded ? stream : stream.end())
    },
  }
}

/** `--push` sends images that go to the store; beside other outputs it is one more. */
function pushed(outputs: readonly Output[], push: boolean): Output[] {
  if (outputs.length === 0) return [{ type: 'image', push }]
  if (!push) return [...outputs]
  if (!outputs.some(({ type }) => type === 'image')) return [...outputs, { type: 'registry' }]
  return outputs.map((output) => (output.type === 'image' ? { ...output, push } : output))
}

function usesStdout({ type, dest }: OutputSpec): boolean {
  return dest === '-' || (dest === undefined && (type === 'oci' || type === 'docker' || type === 'tar'))
}

function outputOf(spec: OutputSpec, stdout: () => Writable): Output {
  const { type, dest: path = '', ...rest } = spec
  const dest = usesStdout(spec) ? stdout : () => path
  switch (type) {
    case 'image':
    case 'registry':
      return { type, ...rest }
    case 'local':
      return { type, dest: path }
    case 'cacheonly':
      return { type }
    case 'oci':
    case 'docker':
    case 'tar':
      return { type, dest: dest(), ...rest }
  }
}

function invalid(state: string, hint?: string): CliError {
  const details = { exitCode: 125, ...(hint === undefined ? {} : { hint }) }
  return new CliError('OUTPUT_INVALID', `Cannot write output: ${state}`, details)
}
