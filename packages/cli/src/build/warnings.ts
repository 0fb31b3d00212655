import type { BuildWarning } from '@tsbuild/core'

/** The warnings of a build, to stand below its progress. */
export function formatWarnings(warnings: readonly BuildWarning[]): string {
  if (warnings.length === 0) return ''
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`
  const lines = warnings.map(({ rule, message, source }) => {
    const place = source === undefined ? '' : ` (line ${source.startLine})`
    return ` - ${rule === undefined ? '' : `${rule}: `}${message}${place}`
  })
  return `\n ${count} found:\n${lines.join('\n')}\n`
}
