import type { SourceRange } from '@tsbuild/spec'
import { ParseError } from '../errors.js'
import { withoutBom } from '../text.js'

/** Bytes that a line may have, without its line break. */
const maxLineBytes = 65_535

/** Hands out the physical lines of a Dockerfile, one after the other, and knows their numbers. */
export class LineReader {
  readonly file: string
  private readonly lines: readonly string[]
  private readonly endsWithBreak: boolean
  private taken = 0

  constructor(text: string, file: string) {
    this.file = file
    const lines = withoutBom(text).split('\n')
    this.endsWithBreak = lines.at(-1) === ''
    if (this.endsWithBreak) lines.pop()
    this.lines = lines
  }

  /** 1-based number of the line that was taken last; 0 before the first. */
  get number(): number {
    return this.taken
  }

  /** The next line without its `\n`; `undefined` at the end.
   * @throws {ParseError} `DOCKERFILE_SYNTAX` when it is too long */
  next(): string | undefined {
    const line = this.lines[this.taken]
    if (line === undefined) return undefined
    this.taken++
    if (line.length * 3 > maxLineBytes && Buffer.byteLength(line) > maxLineBytes) {
      throw new ParseError('DOCKERFILE_SYNTAX', `dockerfile line greater than max allowed size of ${maxLineBytes}`, {
        range: this.range(this.taken),
        hint: 'Break the line with a continuation, or move its content into a file',
      })
    }
    return line
  }

  /** The line break behind the line that was taken last: empty at the end of a file that lacks one. */
  lineBreak(): string {
    return this.taken < this.lines.length || this.endsWithBreak ? '\n' : ''
  }

  range(startLine: number, endLine = startLine): SourceRange {
    return { file: this.file, startLine, endLine }
  }

  source({ startLine, endLine }: SourceRange): string {
    return this.lines.slice(startLine - 1, endLine).join('\n')
  }
}

/** Without carriage returns at the end, as a line is compared. */
export function withoutLineEnd(line: string): string {
  let end = line.length
  while (end > 0 && line[end - 1] === '\r') end--
  return line.slice(0, end)
}
