import type { SourceRange } from '@tsbuild/spec'

/** A here-document of an instruction. */
export interface Heredoc {
  readonly name: string
  /** The lines between opener and closer, as they stand (tabs of `<<-` included), each with its line break. */
  readonly content: string
  /** Whether variables in it are expanded: no part of the name was quoted. */
  readonly expand: boolean
  /** `<<-`: leading tabs go when the content is used. */
  readonly chomp: boolean
  /** The file descriptor in front of `<<`; 0 when there is none. */
  readonly fd: number
}

/** One logical line of a Dockerfile before it means anything: keyword, flags and arguments. */
export interface Node {
  /** Lower-case keyword. */
  readonly instruction: string
  /** The keyword as written. */
  readonly keyword: string
  /** The logical line: continuation lines joined. */
  readonly original: string
  readonly flags: readonly string[]
  /** Before expansion; ENV and LABEL have triples key, value, delimiter (`=` or empty). */
  readonly args: readonly string[]
  /** The nested instruction of ONBUILD. */
  readonly child?: Node
  /** Whether the arguments were a JSON list. */
  readonly json: boolean
  readonly heredocs: readonly Heredoc[]
  readonly range: SourceRange
  /** The lines of the file, joined with `\n`. */
  readonly source: string
  /** Comments directly above, without `#`. */
  readonly prevComment: readonly string[]
}
