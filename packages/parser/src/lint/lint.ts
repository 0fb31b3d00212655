import type { SourceRange } from '@tsbuild/spec'
import type { Dockerfile } from '../ast.js'
import { ParseError } from '../errors.js'
import { detectDirective } from '../nodes/directives.js'
import { analyze, type LintOptions } from './analysis.js'
import { type CheckOptions, commentOptions, parseCheckOptions, runsRule } from './check-options.js'
import { rules } from './rules/all.js'

/** A build check that found something. */
export interface LintWarning {
  /** Docker's name of the rule, e.g. `StageNameCasing`. */
  readonly rule: string
  readonly description: string
  readonly url?: string
  readonly message: string
  readonly range: SourceRange
}

/** Runs the build checks that the file, its comments and the options leave on. Warnings come by line.
 * What keeps a stage from being followed (a variable that must be set, say) is left to the build to report.
 * @throws {ParseError} `DOCKERFILE_SYNTAX` for a `# check=` that can't be read; `EXPANSION_FAILED` for a FROM or global ARG */
export function lint(dockerfile: Dockerfile, options: LintOptions = {}): LintWarning[] {
  const check = checkOptionsOf(dockerfile, options)
  const analysis = analyze(dockerfile, options)
  const warnings: LintWarning[] = []
  for (const rule of rules) {
    for (const { message, range, comments } of rule.find(analysis)) {
      if (!runsRule(rule, check, commentOptions(comments))) continue
      const { name, description, url } = rule
      warnings.push({ rule: name, description, ...(url === undefined ? {} : { url }), message, range })
    }
  }
  return warnings.sort((a, b) => a.range.startLine - b.range.startLine)
}

/** What the file, the option `check` or the build argument `BUILDKIT_DOCKERFILE_CHECK` says about checks; the last two replace the first.
 * @throws {ParseError} `DOCKERFILE_SYNTAX` */
export function checkOptionsOf(
  dockerfile: Pick<Dockerfile, 'text'>,
  options: Pick<LintOptions, 'check' | 'buildArgs'> = {},
): CheckOptions {
  const given = options.check ?? options.buildArgs?.BUILDKIT_DOCKERFILE_CHECK
  return parseCheckOptions(given ?? detectDirective(dockerfile.text, 'check')?.value ?? '')
}

/** The error that warnings become under `error=true`; `undefined` where they stay warnings.
 * @throws {ParseError} `DOCKERFILE_SYNTAX` */
export function lintError(
  dockerfile: Pick<Dockerfile, 'text'>,
  warnings: readonly LintWarning[],
  options: Pick<LintOptions, 'check' | 'buildArgs'> = {},
): ParseError | undefined {
  const [first] = warnings
  if (first === undefined || !checkOptionsOf(dockerfile, options).error) return undefined
  const names = [...new Set(warnings.map(({ rule }) => rule))]
  return new ParseError('LINT_FAILED', `lint violation found for rules: ${names.join(', ')}`, {
    range: first.range,
    hint: 'Mend them, or silence them with # check=skip=…',
  })
}
