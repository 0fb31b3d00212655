import type { Dockerfile, LintWarning, ParseErrorCode, Stage, StageInstruction } from '@tsbuild/parser'
import type { Platform, SourceRange } from '@tsbuild/spec'

/** A Dockerfile as a build needs it: without the nodes that it was made of. */
export type ParsedDockerfile = Omit<Dockerfile, 'nodes' | 'directives' | 'warnings'>

/** What the build checks depend on besides the Dockerfile. */
export interface CheckRequest {
  readonly target?: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly targetPlatform: Platform
  /** Patterns of the context's `.dockerignore`. */
  readonly ignore: readonly string[]
}

export interface ParseRequest {
  readonly file: string
  readonly text: string
  readonly checks: CheckRequest
}

/** A ParseError as it can be sent. */
export interface SentError {
  readonly code: ParseErrorCode
  readonly message: string
  readonly hint?: string
  readonly range?: SourceRange
}

/** A part of a parsed Dockerfile: its head, a stage, an instruction of the global scope or of the last stage, or more members of a
 * list of the last instruction. */
export type Piece =
  | { readonly kind: 'head'; readonly head: Omit<ParsedDockerfile, 'metaArgs' | 'stages' | 'text'> }
  | { readonly kind: 'arg'; readonly instruction: Dockerfile['metaArgs'][number] }
  | { readonly kind: 'stage'; readonly stage: Omit<Stage, 'instructions'> }
  | { readonly kind: 'instruction'; readonly instruction: StageInstruction }
  | { readonly kind: 'more'; readonly member: string; readonly values: readonly unknown[] }
  | { readonly kind: 'warning'; readonly warning: LintWarning }
  /** What the checks failed with. */
  | { readonly kind: 'checks-failed'; readonly error: SentError }

/** From the worker. It sends a slice, and the next when `next` has come. `pieces` is the JSON of a list of {@link Piece}: reading that
 * costs a third of what receiving the objects does. */
export type ParseReply =
  | { readonly kind: 'slice'; readonly pieces: string; readonly last: boolean }
  | { readonly kind: 'failed'; readonly error: SentError }
