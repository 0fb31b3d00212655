import { type Dockerfile, type LintWarning, ParseError, type Stage, type StageInstruction } from '@tsbuild/parser'
import type { ParsedDockerfile, Piece, SentError } from './protocol.js'

interface StageDraft extends Omit<Stage, 'instructions'> {
  readonly instructions: StageInstruction[]
}

/** Puts a Dockerfile together from the pieces that a worker sends. */
export class Assembler {
  readonly #text: string
  readonly #metaArgs: Dockerfile['metaArgs'][number][] = []
  readonly #stages: StageDraft[] = []
  readonly #warnings: LintWarning[] = []
  #head: Extract<Piece, { kind: 'head' }>['head'] | undefined
  #last: object = {}
  #failure: SentError | undefined

  /** @param text what was parsed */
  constructor(text: string) {
    this.#text = text
  }

  add(piece: Piece): void {
    switch (piece.kind) {
      case 'head':
        this.#head = piece.head
        return
      case 'arg':
        this.#last = piece.instruction
        this.#metaArgs.push(piece.instruction)
        return
      case 'stage':
        this.#stages.push({ ...piece.stage, instructions: [] })
        return
      case 'instruction':
        this.#last = piece.instruction
        this.#stages.at(-1)?.instructions.push(piece.instruction)
        return
      case 'more': {
        // A list of an instruction that was received just before, so nobody else has it yet.
        const list = (this.#last as Record<string, unknown[]>)[piece.member]
        list?.push(...piece.values)
        return
      }
      case 'warning':
        this.#warnings.push(piece.warning)
        return
      case 'checks-failed':
        this.#failure = piece.error
        return
    }
  }

  dockerfile(): ParsedDockerfile {
    if (this.#head === undefined) throw new RangeError('a Dockerfile without its head')
    return { ...this.#head, text: this.#text, metaArgs: this.#metaArgs, stages: this.#stages }
  }

  /** @throws {ParseError} what the checks failed with */
  warnings(): readonly LintWarning[] {
    if (this.#failure !== undefined) throw receivedError(this.#failure)
    return this.#warnings
  }
}

export function sentError({ code, message, hint, range }: ParseError): SentError {
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(range === undefined ? {} : { range }),
  }
}

export function receivedError({ code, message, ...details }: SentError): ParseError {
  return new ParseError(code, message, details)
}
