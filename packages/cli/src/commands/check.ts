import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ignore, LintWarning } from '@tsbuild/parser'
import { buildArgs } from '../build/options.js'
import type { CommandResult } from '../io.js'
import { lintReport } from '../lint-report.js'
import { withExcerpt } from '../parse-failure.js'
import { type DockerfileSource, readDockerfile } from '../read-dockerfile.js'
import type { CliCommand } from './command.js'

interface Flags {
  readonly file?: string
  readonly buildArg?: readonly string[]
}

export const check: CliCommand = {
  summary: 'Check a Dockerfile without building it',
  define(command) {
    command.argument('[PATH]', 'a Dockerfile, the directory that it is in, or - for standard input', '.')
    command.option('-f, --file <path>', 'path of the Dockerfile')
    command.option('--build-arg <name[=value]>', 'value of an ARG', (value, before: readonly string[] = []) => [
      ...before,
      value,
    ])
    command.addHelpText('after', '\nExample:\n  tsbuild check ./service\n\nExits with 1 when there are warnings.')
  },
  async run(command, io) {
    const { file, buildArg = [] } = command.opts<Flags>()
    const [path = '.'] = command.processedArgs as readonly string[]
    const source = await readDockerfile(file ?? path, io)
    return checkDockerfile(source, { context: path, buildArgs: buildArgs(buildArg, io.env) })
  },
}

export interface CheckOptions {
  /** Its `.dockerignore` is looked at, too. */
  readonly context: string
  readonly buildArgs: Readonly<Record<string, string>>
  /** Only the stages that this one needs; default all. */
  readonly target?: string
}

/** Runs the build checks over all stages and words what they found. */
export async function checkDockerfile(source: DockerfileSource, options: CheckOptions): Promise<CommandResult> {
  const warnings = await findWarnings(source, options)
  return { stdout: lintReport(source, warnings), exitCode: warnings.length === 0 ? 0 : 1 }
}

/** Runs the build checks over all stages, or over those that a target needs. */
export async function findWarnings(
  source: DockerfileSource,
  { context, buildArgs, target }: CheckOptions,
): Promise<readonly LintWarning[]> {
  const { lint, parseDockerfile } = await import('@tsbuild/parser')
  const ignore = await ignoreOf(source, context)
  const stages = target === undefined ? ({ stages: 'all' } as const) : { target }
  return withExcerpt(source, () => {
    const dockerfile = parseDockerfile(source.text, { file: source.file })
    return lint(dockerfile, { ...stages, buildArgs, ...(ignore === undefined ? {} : { ignore }) })
  })
}

/** What the build would ignore: by the ignore file beside the Dockerfile, else by the context's. */
async function ignoreOf({ file, ignore }: DockerfileSource, context: string): Promise<Ignore | undefined> {
  const { createIgnore, parseIgnoreFile } = await import('@tsbuild/parser')
  if (ignore !== undefined) return createIgnore(ignore)
  for (const path of [`${file}.dockerignore`, join(context, '.dockerignore')]) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return createIgnore(parseIgnoreFile(text))
  }
  return undefined
}
