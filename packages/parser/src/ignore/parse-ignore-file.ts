import { decode, trim, withoutBom } from '../text.js'
import { cleanPath } from './clean-path.js'

/** The patterns of a `.dockerignore`, cleaned, in order. A `#` in the first column makes a comment; a leading `/` means nothing. */
export function parseIgnoreFile(text: string | Uint8Array): string[] {
  const patterns: string[] = []
  for (const line of withoutBom(decode(text)).split('\n')) {
    if (line.startsWith('#')) continue
    const trimmed = trim(line)
    if (trimmed === '') continue
    const exception = trimmed.startsWith('!')
    const pattern = exception ? trim(trimmed.slice(1)) : trimmed
    patterns.push((exception ? '!' : '') + (pattern === '' ? '' : withoutLeadingSlash(cleanPath(pattern))))
  }
  return patterns
}

function withoutLeadingSlash(path: string): string {
  return path.length > 1 && path.startsWith('/') ? path.slice(1) : path
}
