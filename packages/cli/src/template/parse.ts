import { badTemplate } from './bad-template.js'
import { lex, type Token } from './lex.js'

/** Something that has a value. */
export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** `.A.B`, `$x.A`, `(…).A`; `from` is absent for dot. */
  | { readonly kind: 'path'; readonly from?: string | Pipeline; readonly fields: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }

/** Commands joined with `|`; each is an operand with arguments. */
export interface Pipeline {
  readonly declares: readonly string[]
  readonly commands: readonly (readonly Operand[])[]
}

export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range'
      readonly pipeline: Pipeline
      readonly body: readonly TemplateNode[]
      readonly otherwise: readonly TemplateNode[]
    }

/** Parses the part of Go's text/template that formats of Docker's commands are written in.
 * @throws {CliError} `TEMPLATE_INVALID` */
export function parseTemplate(template: string): readonly TemplateNode[] {
  return new Parser(template).all()
}

class Parser {
  readonly #template: string
  readonly #pieces: (string | readonly Token[])[]

  constructor(template: string) {
    this.#template = template
    this.#pieces = lex(template)
  }

  all(): TemplateNode[] {
    const nodes = this.#block()
    if (this.#pieces.length > 0) throw this.#bad(`"${nameAt(this.#pieces[0], 0)}" has nothing to end`)
    return nodes
  }

  /** Nodes up to `else`, `end` or the end of the template. */
  #block(): TemplateNode[] {
    const nodes: TemplateNode[] = []
    for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
      if (typeof piece === 'string') nodes.push({ kind: 'text', text: piece })
      else if (['else', 'end'].includes(nameAt(piece, 0) ?? '')) break
      this.#pieces.shift()
      if (typeof piece !== 'string') nodes.push(this.#action(piece))
    }
    return nodes
  }

  #action(tokens: readonly Token[]): TemplateNode {
    const kind = nameAt(tokens, 0)
    if (kind === 'if' || kind === 'with' || kind === 'range') return this.#control(kind, tokens.slice(1))
    return { kind: 'print', pipeline: this.#pipeline(tokens) }
  }

  #control(kind: 'if' | 'with' | 'range', tokens: readonly Token[]): TemplateNode {
    const pipeline = this.#pipeline(tokens)
    const body = this.#block()
    const next = this.#pieces.shift()
    if (next === undefined || typeof next === 'string') throw this.#bad(`"${kind}" has no end`)
    if (nameAt(next, 0) === 'end') return { kind, pipeline, body, otherwise: [] }
    if (nameAt(next, 1) === 'if' || nameAt(next, 1) === 'with') {
      return { kind, pipeline, body, otherwise: [this.#action(next.slice(1))] }
    }
    const otherwise = this.#block()
    const end = this.#pieces.shift()
    if (typeof end === 'string' || nameAt(end, 0) !== 'end') throw this.#bad(`"${kind}" has no end`)
    return { kind, pipeline, body, otherwise }
  }

  #pipeline(tokens: readonly Token[]): Pipeline {
    const assign = tokens.findIndex((token) => token.kind === 'operator' && (token.text === ':=' || token.text === '='))
    const declares = tokens
      .slice(0, Math.max(0, assign))
      .flatMap((token) => (token.kind === 'variable' ? [token.text] : []))
    const rest = [...tokens.slice(assign + 1)]
    const pipeline = { declares, commands: this.#commands(rest) }
    if (rest.length > 0) throw this.#bad('a bracket is closed that was not opened')
    return pipeline
  }

  #commands(rest: Token[]): Operand[][] {
    const commands: Operand[][] = [[]]
    while (rest.length > 0 && !isClose(rest[0])) {
      if (isOperator(rest[0], '|')) {
        rest.shift()
        commands.push([])
      } else commands.at(-1)?.push(this.#operand(rest))
    }
    if (commands.some((command) => command.length === 0)) throw this.#bad('an action or a part of it is empty')
    return commands
  }

  #operand(rest: Token[]): Operand {
    const token = rest.shift()!
    if (token.kind === 'value') return { kind: 'literal', value: token.value }
    const { kind, text } = token
    if (kind === 'name') return constants.get(text) ?? { kind: 'function', name: text }
    const [head, ...fields] = chain(text)
    if (kind === 'variable') return { kind: 'path', from: head, fields }
    if (kind === 'field') return { kind: 'path', fields }
    if (text !== '(') throw this.#bad(`"${text}" is not expected here`)
    const commands = this.#commands(rest)
    const close = rest.shift()
    if (!isClose(close)) throw this.#bad('a bracket is not closed')
    return { kind: 'path', from: { declares: [], commands }, fields: chain(close.text).slice(1) }
  }

  #bad(state: string): Error {
    return badTemplate(this.#template, state)
  }
}

const constants: ReadonlyMap<string, Operand> = new Map([
  ['true', { kind: 'literal', value: true }],
  ['false', { kind: 'literal', value: false }],
  ['nil', { kind: 'literal', value: null }],
])

/** `$x.A.B` → `$x`, `A`, `B`. */
function chain(text: string): [head: string, ...fields: string[]] {
  const [head = '', ...fields] = text.split('.')
  return [head, ...fields.filter((field) => field !== '')]
}

function nameAt(piece: string | readonly Token[] | undefined, index: number): string | undefined {
  if (piece === undefined || typeof piece === 'string') return undefined
  const token = piece[index]
  return token?.kind === 'name' ? token.text : undefined
}

function isOperator(token: Token | undefined, text: string): boolean {
  return token?.kind === 'operator' && token.text === text
}

function isClose(token: Token | undefined): token is { readonly kind: 'operator'; readonly text: string } {
  return token?.kind === 'operator' && token.text.startsWith(')')
}
