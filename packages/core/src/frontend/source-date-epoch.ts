import { type AddInstruction, expandWord, type Stage } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import type { ParsedDockerfile } from '../parse/protocol.js'
import type { Env } from './env.js'

export const epochName = 'SOURCE_DATE_EPOCH'

/** A repository or a file that has a time of its own: that of the commit, of `Last-Modified`, or of the newest file in an archive. */
export interface RemoteSource {
  readonly url: string
  readonly checksum?: string
  readonly keepGitDir?: boolean
}

/** Where times come from, in seconds since the epoch; `undefined` where a source has none. */
export interface EpochSources {
  /** The context's; a directory and a stream have none. */
  context(): Promise<number | undefined>
  /** A further context's; `none` where there is no such context. */
  named(name: string): Promise<number | undefined | 'none'>
  remote(source: RemoteSource): Promise<number | undefined>
}

export interface EpochRequest {
  readonly dockerfile: ParsedDockerfile
  readonly globals: Env
  readonly buildArgs: Readonly<Record<string, string>>
}

/** Resolves what SOURCE_DATE_EPOCH may be besides a number: `context`, or the name of a further context or of a stage that only adds one
 * remote source. What has no time gives the empty string, which is no time.
 * @throws {CoreError} `DOCKERFILE_INVALID`, and what asking the source throws */
export async function resolveEpoch(value: string, request: EpochRequest, sources: EpochSources): Promise<string> {
  if (value === '' || /^[+-]?\d+$/.test(value)) return value
  const seconds = await secondsOf(value, request, sources)
  return seconds === undefined ? '' : String(seconds)
}

async function secondsOf(value: string, request: EpochRequest, sources: EpochSources): Promise<number | undefined> {
  if (value === 'context') return await sources.context()
  const named = await sources.named(value)
  if (named !== 'none') return named
  const stage = request.dockerfile.stages.find(({ name }) => name === value.toLowerCase())
  if (stage === undefined) throw new CoreError('DOCKERFILE_INVALID', `invalid SOURCE_DATE_EPOCH: ${value}`)
  return await sources.remote(sourceOf(stage, request))
}

function sourceOf(stage: Stage, { dockerfile, globals, buildArgs }: EpochRequest): RemoteSource {
  const { escape } = dockerfile
  if (expandWord(stage.baseName, globals, { escape }).value !== 'scratch') throw invalid('must use FROM scratch')
  let env = globals
  let add: RemoteSource | undefined
  for (const instruction of stage.instructions) {
    if (instruction.kind === 'arg') {
      for (const { key, value } of instruction.args) {
        const given = buildArgs[key] ?? (value === undefined ? undefined : expandWord(value, env, { escape }).value)
        if (given !== undefined) env = env.with(key, given)
      }
    } else if (instruction.kind === 'add' && add === undefined) add = remoteOf(instruction, env, dockerfile)
    else if (instruction.kind === 'add') throw invalid('must contain exactly one remote ADD')
    else throw invalid(`does not meet source-only requirements: unsupported ${instruction.kind} instruction`)
  }
  if (add === undefined) throw invalid('must contain exactly one remote ADD')
  return add
}

function remoteOf(
  { sources, inlineFiles, checksum, keepGitDir }: AddInstruction,
  env: Env,
  { escape }: ParsedDockerfile,
): RemoteSource {
  const [source] = sources
  if (source === undefined || sources.length !== 1 || inlineFiles.length > 0)
    throw invalid('must contain exactly one remote ADD source')
  const word = (text: string) => expandWord(text, env, { escape }).value
  return {
    url: word(source),
    ...(checksum === undefined ? {} : { checksum: word(checksum) }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
  }
}

function invalid(state: string): CoreError {
  return new CoreError('DOCKERFILE_INVALID', `SOURCE_DATE_EPOCH stage ${state}`)
}
