import type { CopyFilesOptions, Engine } from '@tsbuild/core'
import { binaryStdout } from '../binary-stdout.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { formatSize } from '../format/size.js'
import type { Io } from '../io.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly archive?: boolean
  readonly followLink?: boolean
  readonly quiet?: boolean
}

interface ContainerPath {
  readonly container: string
  readonly path: string
}

export const cp: CliCommand = {
  summary: 'Copy files between a container and the host',
  define(command) {
    command.argument('<SOURCE>', 'CONTAINER:PATH, a path of the host, or - for a tar on standard input')
    command.argument('<DESTINATION>', 'a path of the host, CONTAINER:PATH, or - for a tar on standard output')
    command.option('-a, --archive', 'keep owners')
    command.option('-L, --follow-link', 'copy what a link leads to')
    command.option('-q, --quiet', 'tell nothing')
    addRootFlag(command)
    command.addHelpText(
      'after',
      `
A directory is copied into a destination that is there, and as one that is not; DIR/. copies its content.

Examples:
  tsbuild cp index.html web:/data/html/
  tsbuild cp web:/var/log - | tar -t`,
    )
  },
  async run(command, io) {
    const { archive, followLink, quiet, ...flags } = command.opts<Flags>()
    const [source = '', destination = ''] = command.args
    const [from, to] = [containerPath(source), containerPath(destination)]
    const options: CopyFilesOptions = {
      signal: io.signal,
      archive: archive === true,
      followLink: followLink === true,
    }
    if (from !== undefined && to !== undefined)
      throw usage('copying between containers is not possible', 'Copy to the host first, or use - twice with a pipe')
    await using engine = await openEngine(flags)
    if (from !== undefined) return told(await copyOut(engine, from, destination, options, io), quiet, destination)
    if (to !== undefined) return told(await copyIn(engine, source, to, options, io), quiet, destination)
    throw usage('neither the source nor the destination is CONTAINER:PATH')
  },
}

/** What stands before a colon is a container, unless it looks like a path. */
function containerPath(argument: string): ContainerPath | undefined {
  const at = argument.indexOf(':')
  if (at <= 0 || /^[./]/.test(argument)) return undefined
  return { container: argument.slice(0, at), path: argument.slice(at + 1) }
}

function usage(state: string, hint?: string): CliError {
  return new CliError('USAGE', `Cannot copy: ${state}`, hint === undefined ? {} : { hint })
}

async function copyOut(
  engine: Engine,
  { container, path }: ContainerPath,
  destination: string,
  options: CopyFilesOptions,
  io: Io,
): Promise<number | undefined> {
  const found = await engine.containers.get(container)
  if (destination !== '-') return (await found.copyOut(path, destination, options)).bytes
  await found.copyOut(path, binaryStdout(io.stdout, 'Pipe it, or name a path'), options)
  return undefined
}

async function copyIn(
  engine: Engine,
  source: string,
  { container, path }: ContainerPath,
  options: CopyFilesOptions,
  io: Io,
): Promise<number | undefined> {
  if (source === '-' && io.stdin.isTTY) throw usage('standard input is a terminal', 'Pipe a tar into it')
  const found = await engine.containers.get(container)
  const { bytes } = await found.copyIn(source === '-' ? io.stdin : source, path, options)
  return source === '-' ? undefined : bytes
}

function told(bytes: number | undefined, quiet: boolean | undefined, destination: string) {
  if (quiet || bytes === undefined) return {}
  return { stderr: `Successfully copied ${formatSize(bytes)} to ${destination}\n` }
}
