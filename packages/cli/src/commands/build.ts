import { stat, writeFile } from 'node:fs/promises'
import type { BuildOptions, BuildResult } from '@tsbuild/core'
import { type CallSpec, parseCall } from '../build/call-spec.js'
import { type BuildFlags, defineBuildFlags } from '../build/flags.js'
import { buildArgs, buildOptions } from '../build/options.js'
import { planOutputs } from '../build/outputs.js'
import { formatWarnings } from '../build/warnings.js'
import { openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import type { CommandResult, Io } from '../io.js'
import { createView } from '../progress/create.js'
import type { ProgressMode } from '../progress/view.js'
import { type DockerfileSource, readDockerfile, readStdin } from '../read-dockerfile.js'
import { callDockerfile } from './call.js'
import type { CliCommand } from './command.js'

export const build: CliCommand = {
  summary: 'Build an image from a Dockerfile',
  define: defineBuildFlags,
  async run(command, io) {
    const flags = command.opts<BuildFlags>()
    const call = parseCall(flags.check ? 'check' : (flags.call ?? 'build'))
    if (call.method !== 'build') return tell(call, flags, command.args, io)
    const options = buildOptions(flags, command.args, io.env)
    const { outputs, settle } = await planOutputs(flags, io)
    const text = await fromStdin(flags, options, io)
    const mode = progressMode(flags, io)
    const result = await carryOut(flags, { ...options, ...text, outputs }, mode, io)
    await settle()
    await writeResults(flags, result)
    const id = flags.quiet && idOf(result) !== undefined ? `${idOf(result)}\n` : ''
    const showWarnings = mode !== 'quiet' && mode !== 'rawjson'
    return { stdout: id, stderr: showWarnings ? formatWarnings(result.warnings) : '' }
  },
}

async function carryOut(flags: BuildFlags, options: BuildOptions, mode: ProgressMode, io: Io): Promise<BuildResult> {
  const view = await createView(mode, io)
  let succeeded = false
  try {
    await using engine = await openEngine(flags)
    const result = await engine.build({ ...options, signal: io.signal, onEvent: (event) => view.handle(event) })
    succeeded = true
    return result
  } finally {
    view.close(succeeded)
  }
}

/** What comes on standard input: the context (`build -`), or the Dockerfile (`-f -`). */
async function fromStdin(flags: BuildFlags, { context }: BuildOptions, io: Io): Promise<Partial<BuildOptions>> {
  if (context !== '-') return flags.file === '-' ? { dockerfileText: await readStdin(io) } : {}
  if (flags.file === '-')
    throw new CliError('USAGE', 'Cannot read both the context and the Dockerfile from standard input')
  if (io.stdin.isTTY)
    throw new CliError('USAGE', 'Cannot read the context: standard input is a terminal', {
      hint: 'Pipe a tar or a Dockerfile into it',
    })
  return { context: io.stdin }
}

function progressMode({ quiet, progress }: BuildFlags, { env }: Io): ProgressMode {
  if (quiet) return 'quiet'
  const mode = progress ?? env.BUILDKIT_PROGRESS
  const known: readonly ProgressMode[] = ['tty', 'plain', 'quiet', 'rawjson']
  return known.find((name) => name === mode) ?? 'auto'
}

async function tell(call: CallSpec, flags: BuildFlags, args: readonly string[], io: Io): Promise<CommandResult> {
  const context = args[0] ?? '.'
  const source = (await isHere(flags.file, context))
    ? await readDockerfile(flags.file ?? context, io)
    : await fetchDockerfile(flags, args, io)
  const target = flags.target === undefined ? {} : { target: flags.target }
  return callDockerfile(source, { call, context, buildArgs: buildArgs(flags.buildArg, io.env), ...target })
}

/** Whether the Dockerfile lies on the disk, or is given on standard input: then no store is needed to read it. */
async function isHere(file: string | undefined, context: string): Promise<boolean> {
  const isPath = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined
  if (file !== undefined && file !== '-' && !(await isPath(file))) return false
  return context === '.' || (await isPath(context))
}

/** Reads a Dockerfile as a build would, wherever it comes from. */
async function fetchDockerfile(flags: BuildFlags, args: readonly string[], io: Io): Promise<DockerfileSource> {
  const options = buildOptions(flags, args, io.env)
  const text = await fromStdin(flags, options, io)
  await using engine = await openEngine(flags)
  return await engine.dockerfile({ ...options, ...text, signal: io.signal })
}

async function writeResults({ iidfile, metadataFile }: BuildFlags, result: BuildResult): Promise<void> {
  const id = idOf(result)
  if (iidfile !== undefined && id !== undefined) await write(iidfile, id)
  if (metadataFile === undefined) return
  const { imageDigest, configDigest, names, pushed, cacheExports } = result
  const metadata = {
    'containerimage.config.digest': configDigest,
    // What others can pull by.
    'containerimage.digest': pushed[0]?.digest ?? imageDigest,
    'image.name': names.length === 0 ? undefined : names.join(','),
    'cache.exports': cacheExports.length === 0 ? undefined : cacheExports,
  }
  await write(metadataFile, `${JSON.stringify(metadata, null, 2)}\n`)
}

/** Docker's id of the image; that of an index is its digest. */
function idOf({ configDigest, imageDigest }: BuildResult): string | undefined {
  return configDigest ?? imageDigest
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('OUTPUT_INVALID', `Cannot write file "${path}": ${cause.message}`, { cause })
  })
}
