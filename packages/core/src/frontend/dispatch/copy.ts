import { posix } from 'node:path'
import type { AddInstruction, CopyInstruction } from '@tsbuild/parser'
import type { CopySpec } from '../../ops/copy-op.js'
import { type StageState, withHistory } from '../stage-state.js'
import type { StageContext } from './context.js'

/** COPY and ADD: a layer with the selected files; with --link one that does not depend on what is below. */
export async function copy(
  state: StageState,
  instruction: CopyInstruction | AddInstruction,
  context: StageContext,
): Promise<StageState> {
  const { graph } = context
  const from =
    instruction.kind === 'copy' && instruction.from !== undefined ? await context.from(instruction.from) : undefined
  const spec: CopySpec = {
    kind: instruction.kind,
    sources: instruction.sources,
    inlineFiles: instruction.inlineFiles.map(({ name, data }) => ({ name, data })),
    destination: destinationPath(instruction.destination, state.config.WorkingDir),
    fromInput: from !== undefined,
    exclude: instruction.exclude,
    ...(instruction.chown === undefined ? {} : { chown: instruction.chown }),
    ...(instruction.chmod === undefined ? {} : { chmod: instruction.chmod }),
    parents: instruction.kind === 'copy' && instruction.parents,
    ...(instruction.kind === 'add' && instruction.unpack !== undefined ? { unpack: instruction.unpack } : {}),
    ...(instruction.kind === 'add' && instruction.checksum !== undefined ? { checksum: instruction.checksum } : {}),
    ...(instruction.kind === 'add' && instruction.keepGitDir !== undefined
      ? { keepGitDir: instruction.keepGitDir }
      : {}),
    link: instruction.link,
    author: state.author,
  }
  const vertex = graph.copy(spec, state.vertex, from, context.step(instruction, state))
  return withHistory({ ...state, vertex }, `${copyText(instruction)} # buildkit`, 'layer')
}

/** Absolute in the image; a trailing slash stays, since it says "directory", and `.` means one too. */
export function destinationPath(destination: string, workingDir = '/'): string {
  const path = posix.resolve('/', workingDir, destination)
  const directory = destination.endsWith('/') || destination.endsWith('/.') || destination === '.' || destination === ''
  return directory && path !== '/' ? `${path}/` : path
}

function copyText(instruction: CopyInstruction | AddInstruction): string {
  const words = [instruction.kind.toUpperCase()]
  if (instruction.kind === 'copy' && instruction.parents) words.push('--parents')
  if (instruction.chown !== undefined) words.push(`--chown=${instruction.chown}`)
  if (instruction.chmod !== undefined) words.push(`--chmod=${instruction.chmod}`)
  words.push(...instruction.sources, ...instruction.inlineFiles.map(({ name }) => `<<${name}`), instruction.destination)
  return words.join(' ')
}
