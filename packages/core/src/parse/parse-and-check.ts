import { createIgnore, type Dockerfile, type LintWarning, lint, ParseError, parseDockerfile } from '@tsbuild/parser'
import type { CheckRequest, ParseRequest } from './protocol.js'

export interface Checked {
  readonly dockerfile: Dockerfile
  readonly warnings: readonly LintWarning[]
  /** What the checks failed with; the build may find a better reason before it says so. */
  readonly failure?: ParseError
}

/** Parses a Dockerfile and runs the build checks.
 * @throws {ParseError} */
export function parseAndCheck({ file, text, checks }: ParseRequest): Checked {
  const dockerfile = parseDockerfile(text, { file })
  try {
    return { dockerfile, warnings: runChecks(dockerfile, checks) }
  } catch (failure) {
    if (!(failure instanceof ParseError)) throw failure
    return { dockerfile, warnings: [], failure }
  }
}

function runChecks(dockerfile: Dockerfile, { target, buildArgs, targetPlatform, ignore }: CheckRequest): LintWarning[] {
  return lint(dockerfile, {
    ...(target === undefined ? {} : { target }),
    buildArgs,
    targetPlatform,
    ignore: createIgnore(ignore),
  })
}
