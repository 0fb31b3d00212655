import { CliError } from '../errors.js'

export function badTemplate(template: string, state: string, hint?: string): CliError {
  const details = hint === undefined ? {} : { hint }
  return new CliError('TEMPLATE_INVALID', `Cannot use template "${template.slice(0, 200)}": ${state}`, details)
}
