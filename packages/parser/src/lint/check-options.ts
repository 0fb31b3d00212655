import { ParseError } from '../errors.js'
import { parseBoolean } from '../instructions/flags.js'
import { quote } from '../text.js'

/** Which checks run, as `# check=` and `BUILDKIT_DOCKERFILE_CHECK` say. */
export interface CheckOptions {
  readonly skip: 'all' | readonly string[]
  /** Experimental rules to run. */
  readonly experimental: 'all' | readonly string[]
  /** Whether a warning fails the build. */
  readonly error: boolean
}

/** Reads `skip=RuleA,RuleB;error=true;experimental=all`.
 * @throws {ParseError} `DOCKERFILE_SYNTAX` */
export function parseCheckOptions(text: string): CheckOptions {
  let options: CheckOptions = { skip: [], experimental: [], error: false }
  if (text.trim() === '') return options
  for (const part of text.trim().split(';')) {
    const at = part.indexOf('=')
    if (at < 0) invalid(`invalid check option ${quote(part)}`)
    const key = part.slice(0, at).trim()
    const value = part.slice(at + 1).trim()
    if (key === 'skip' || key === 'experimental') options = { ...options, [key]: ruleNames(value) }
    else if (key === 'error') {
      const error = parseBoolean(value)
      options = { ...options, error: error ?? invalid(`failed to parse check option ${quote(part)}`) }
    } else invalid(`invalid check option ${quote(key)}`)
  }
  return options
}

/** The options that a comment above an instruction gives it (`# check=skip=…`); one that can't be read is only a comment. */
export function commentOptions(comments: readonly string[]): readonly CheckOptions[] {
  return comments.flatMap((comment) => {
    const value = checkComment(comment)
    if (value === undefined) return []
    try {
      return [parseCheckOptions(value)]
    } catch {
      return []
    }
  })
}

/** What a comment says behind `check=`, up to white space. */
export function checkComment(comment: string): string | undefined {
  return /^check\s*=\s*(\S+)/i.exec(comment)?.[1]
}

/** Whether a rule is silenced by these options; an experimental one must be asked for instead. */
export function runsRule(
  rule: { readonly name: string; readonly experimental?: boolean },
  file: CheckOptions,
  comments: readonly CheckOptions[],
): boolean {
  const all = [file, ...comments]
  if (rule.experimental)
    return all.some(({ experimental }) => includes(experimental, rule.name)) && !skipped(comments, rule)
  return !skipped(all, rule)
}

function skipped(options: readonly CheckOptions[], rule: { readonly name: string }): boolean {
  return options.some(({ skip }) => includes(skip, rule.name))
}

function includes(names: 'all' | readonly string[], name: string): boolean {
  return names === 'all' || names.includes(name)
}

function ruleNames(value: string): 'all' | readonly string[] {
  return value === 'all' ? 'all' : value.split(',').map((name) => name.trim())
}

function invalid(message: string): never {
  throw new ParseError('DOCKERFILE_SYNTAX', `failed to parse check options: ${message}`, {
    hint: 'Write # check=skip=RuleName,OtherRule;error=true',
  })
}
