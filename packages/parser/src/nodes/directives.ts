import type { Directive, EscapeToken } from '../ast.js'
import { ParseError } from '../errors.js'
import { decode, trim, withoutBom } from '../text.js'

const known = new Set(['syntax', 'escape', 'check'])
const pattern = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+)$/

/** Looks for parser directives at the top of a file, until the first line that is none. */
export class DirectiveReader {
  readonly found: Directive[] = []
  private readonly comment: string
  private done = false

  constructor(comment: '#' | '//' = '#') {
    this.comment = comment
  }

  /** Whether the line is a directive. @throws {ParseError} `DOCKERFILE_SYNTAX` for a repeated one or a wrong escape */
  read(line: string, number: number): boolean {
    if (this.done) return false
    const match = line.startsWith(this.comment) ? pattern.exec(trim(line.slice(this.comment.length))) : null
    const name = match?.[1]?.toLowerCase() ?? ''
    if (!known.has(name)) {
      this.done = true
      return false
    }
    if (this.found.some((directive) => directive.name === name)) {
      throw new ParseError('DOCKERFILE_SYNTAX', `only one ${name} parser directive can be used`)
    }
    this.found.push({ name, value: match?.[2] ?? '', line: number })
    return true
  }

  /** @throws {ParseError} `DOCKERFILE_SYNTAX` */
  escape(): EscapeToken {
    const value = this.found.find((directive) => directive.name === 'escape')?.value ?? '\\'
    if (value === '\\' || value === '`') return value
    throw new ParseError('DOCKERFILE_SYNTAX', `invalid escape token '${value}' does not match \` or \\`)
  }
}

/** A directive's value: `value` up to the first space, `text` all of it. */
export interface DetectedDirective {
  readonly value: string
  readonly text: string
  readonly line: number
}

/** The frontend that a file asks for. Besides `# syntax=`, also in files that are no Dockerfiles at all, it is found as
 * `// syntax=` and as the member `syntax` of a JSON object; a `#!` line may stand above. */
export function detectSyntax(text: string | Uint8Array): DetectedDirective | undefined {
  const { body, skipped } = withoutShebang(withoutBom(decode(text)))
  return (
    findIn(body, skipped, 'syntax', '#') ?? findIn(body, skipped, 'syntax', '//') ?? fromJson(body, skipped, 'syntax')
  )
}

/** The value of a `#` directive, a `#!` line above allowed. */
export function detectDirective(text: string | Uint8Array, name: string): DetectedDirective | undefined {
  const { body, skipped } = withoutShebang(withoutBom(decode(text)))
  return findIn(body, skipped, name, '#')
}

function withoutShebang(text: string): { readonly body: string; readonly skipped: number } {
  if (!text.startsWith('#!')) return { body: text, skipped: 0 }
  const end = text.indexOf('\n')
  return { body: end < 0 ? '' : text.slice(end + 1), skipped: 1 }
}

function findIn(body: string, skipped: number, name: string, comment: '#' | '//'): DetectedDirective | undefined {
  const reader = new DirectiveReader(comment)
  try {
    let start = 0
    for (let line = skipped + 1; start <= body.length; line++) {
      const end = body.indexOf('\n', start)
      if (!reader.read(body.slice(start, end < 0 ? undefined : end), line) || end < 0) break
      start = end + 1
    }
  } catch {
    // A repeated directive ends the search; what stood above it counts.
  }
  const directive = reader.found.find((candidate) => candidate.name === name)
  return directive && { value: directive.value.split(' ')[0] ?? '', text: directive.value, line: directive.line }
}

function fromJson(body: string, skipped: number, name: string): DetectedDirective | undefined {
  try {
    const object: unknown = JSON.parse(body)
    const value = typeof object === 'object' && object !== null ? (object as Record<string, unknown>)[name] : undefined
    return typeof value === 'string' ? { value, text: value, line: skipped + 1 } : undefined
  } catch {
    return undefined
  }
}
