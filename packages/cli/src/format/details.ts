import { formatError } from '../error-report.js'
import type { CommandResult, Io } from '../io.js'
import { compileTemplate } from '../template/render.js'

/** What `inspect` prints: a JSON list, or one line for each by `json` or a template. @throws {CliError} `TEMPLATE_INVALID` */
export function formatDetails(found: readonly unknown[], format = ''): string {
  if (format === '') return `${JSON.stringify(found, null, 4)}\n`
  const render = format === 'json' ? (value: unknown) => JSON.stringify(value) : compileTemplate(format)
  return found.map((value) => `${render(value)}\n`).join('')
}

/** Shows what was found, and says of the rest what is wrong, with exit code 1. @throws {CliError} `TEMPLATE_INVALID` */
export async function inspectEach(
  names: readonly string[],
  format: string | undefined,
  io: Pick<Io, 'env'>,
  lookUp: (name: string) => unknown,
): Promise<CommandResult> {
  const found: unknown[] = []
  let stderr = ''
  for (const name of names) {
    try {
      found.push(await lookUp(name))
    } catch (error) {
      stderr += formatError(error, io).stderr ?? ''
    }
  }
  return { stdout: formatDetails(found, format), stderr, exitCode: stderr === '' ? 0 : 1 }
}
