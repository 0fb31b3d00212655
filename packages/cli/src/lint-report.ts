import type { LintWarning } from '@tsbuild/parser'
import { formatExcerpt } from './excerpt.js'
import type { DockerfileSource } from './read-dockerfile.js'

/** What the build checks found, each with its lines of the Dockerfile. */
export function lintReport({ file, text }: DockerfileSource, warnings: readonly LintWarning[]): string {
  if (warnings.length === 0) return 'Check complete, no warnings found.\n'
  const count = warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`
  const details = warnings.map(({ rule, url, message, range }) => {
    const excerpt = formatExcerpt(file, text, range.startLine, range.endLine)
    return `\nWARNING: ${rule}${url === undefined ? '' : ` - ${url}`}\n${message}\n${excerpt}`
  })
  return `Check complete, ${count} been found!\n${details.join('')}`
}
