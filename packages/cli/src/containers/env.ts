import { readFileSync } from 'node:fs'
import { badFlag } from '../errors.js'
import type { Io } from '../io.js'

/** The variables of `--env-file`, then those of `-e`, which win. A name without a value takes that of the environment; where that has
 * none, `undefined` takes the variable away.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function readEnv(
  files: readonly string[],
  texts: readonly string[],
  env: Io['env'],
): Record<string, string | undefined> {
  const fromFiles = files.flatMap((path) =>
    fileLines('--env-file', path).map((line) => {
      const [name = ''] = line.split('=', 1)
      if (name === '' || /\s/.test(name)) throw badFlag('--env-file', path, `"${name}" is no name of a variable`)
      return line
    }),
  )
  const out: Record<string, string | undefined> = {}
  for (const text of fromFiles) {
    const [name, value] = variable(text, env)
    if (value !== undefined) out[name] = value
  }
  for (const text of texts) {
    const [name, value] = variable(text, env)
    if (name === '') throw badFlag('--env', text, 'it has no name')
    out[name] = value
  }
  return out
}

function variable(text: string, env: Io['env']): [name: string, value: string | undefined] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, env[text]] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** The lines of a file that are neither empty nor comments, without the blanks before them.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function fileLines(flag: string, path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw badFlag(flag, path, `it can't be read: ${(cause as Error).message}`)
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  return lines.map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#'))
}
