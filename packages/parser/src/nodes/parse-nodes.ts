import type { Directive, EscapeToken, ParseWarning } from '../ast.js'
import { ParseError } from '../errors.js'
import { definitionOf } from '../instructions/registry.js'
import { decode, trim, trimStart } from '../text.js'
import { DirectiveReader } from './directives.js'
import { splitLine } from './flags.js'
import { findHeredocs, readHeredoc } from './heredoc.js'
import { LineReader, withoutLineEnd } from './lines.js'
import type { Node } from './node.js'

export interface ParseOptions {
  /** Name for messages and ranges. Default `Dockerfile`. */
  readonly file?: string
}

/** A Dockerfile as generic nodes, one for each logical line. */
export interface NodeTree {
  readonly file: string
  readonly text: string
  readonly nodes: readonly Node[]
  readonly directives: readonly Directive[]
  readonly escape: EscapeToken
  readonly warnings: readonly ParseWarning[]
}

/** Reads logical lines, flags, arguments and heredocs, and knows no instruction's meaning: an unknown one is a node too.
 * @throws {ParseError} `DOCKERFILE_EMPTY`, `DOCKERFILE_SYNTAX`, `INSTRUCTION_INVALID`, `HEREDOC_UNTERMINATED`, `EXPANSION_FAILED` */
export function parseNodes(text: string | Uint8Array, options: ParseOptions = {}): NodeTree {
  return new NodeParser(decode(text), options.file ?? 'Dockerfile').run()
}

class NodeParser {
  private readonly text: string
  private readonly lines: LineReader
  private readonly directives = new DirectiveReader()
  private readonly warnings: ParseWarning[] = []
  private comments: string[] = []
  private escape: EscapeToken = '\\'

  constructor(text: string, file: string) {
    this.text = text
    this.lines = new LineReader(text, file)
  }

  run(): NodeTree {
    const nodes: Node[] = []
    for (let line = this.lines.next(); line !== undefined; line = this.lines.next()) {
      const node = this.logicalLine(line)
      if (node === undefined) continue
      nodes.push(node)
      this.comments = []
    }
    if (nodes.length === 0) {
      throw new ParseError('DOCKERFILE_EMPTY', 'file with no instructions', {
        range: this.lines.range(1, Math.max(1, this.lines.number)),
        hint: 'Start with FROM',
      })
    }
    const { file } = this.lines
    return {
      file,
      text: this.text,
      nodes,
      directives: this.directives.found,
      escape: this.escape,
      warnings: this.warnings,
    }
  }

  private logicalLine(first: string): Node | undefined {
    const start = this.lines.number
    const line = trimStart(withoutLineEnd(first))
    if (line.startsWith('#')) this.takeComment(first, line)
    else this.readDirective(line)
    const head = this.withoutContinuation(line.startsWith('#') ? '' : line)
    if (!head.continues && head.text === '') return undefined
    const original = head.continues ? this.continueLine(head.text) : head.text
    try {
      return this.finish(original, start)
    } catch (error) {
      throw error instanceof ParseError ? error.at(this.lines.range(start, this.lines.number)) : error
    }
  }

  private takeComment(raw: string, line: string): void {
    if (this.readDirective(line)) return
    const comment = trim(raw.slice(1))
    if (comment === '') this.comments = []
    else this.comments.push(comment)
  }

  private readDirective(line: string): boolean {
    try {
      if (!this.directives.read(line, this.lines.number)) return false
      this.escape = this.directives.escape()
      return true
    } catch (error) {
      throw error instanceof ParseError ? error.at(this.lines.range(this.lines.number)) : error
    }
  }

  /** Joins what follows; comments in between vanish, empty lines too, with a warning. */
  private continueLine(head: string): string {
    const parts = [head]
    let sawEmpty = false
    for (let raw = this.lines.next(); raw !== undefined; raw = this.lines.next()) {
      const line = withoutLineEnd(raw)
      this.readDirective(line)
      const bare = trimStart(line)
      if (bare === '') sawEmpty = true
      if (bare === '' || bare.startsWith('#')) continue
      const { text, continues } = this.withoutContinuation(line)
      parts.push(text)
      if (!continues) break
    }
    const joined = parts.join('')
    if (sawEmpty) {
      const range = this.lines.range(this.lines.number)
      this.warnings.push({ message: `Empty continuation line found in: ${joined}`, range })
    }
    return joined
  }

  /** A line continues when it ends with the escape character, white space aside, and no second one stands before that. */
  private withoutContinuation(line: string): { readonly text: string; readonly continues: boolean } {
    let end = line.length
    while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--
    const continues = line[end - 1] === this.escape && line[end - 2] !== this.escape
    return { text: continues ? line.slice(0, end - 1) : line, continues }
  }

  private finish(original: string, start: number): Node {
    const draft = this.draft(original)
    const inner = draft.child ?? draft
    const openers = definitionOf(inner.instruction)?.heredocs && !inner.json ? findHeredocs(original) : []
    const heredocs = openers.map((opener) => readHeredoc(opener, this.lines, start))
    const range = this.lines.range(start, this.lines.number)
    return nodeOf(draft, { heredocs, range, source: this.lines.source(range), prevComment: this.comments })
  }

  private draft(original: string, depth = 0): Draft {
    if (depth > maxNesting) throw new ParseError('INSTRUCTION_INVALID', chained)
    const { keyword, flags, rest } = splitLine(original)
    const instruction = keyword.toLowerCase()
    const definition = definitionOf(instruction)
    if (definition === undefined) return { instruction, keyword, original, flags, args: [''], json: false }
    if (definition.layout === 'instruction') {
      const child = rest === '' ? undefined : this.draft(rest, depth + 1)
      return { instruction, keyword, original, flags, args: [], json: false, child }
    }
    const { args, json } = definition.layout(rest, this.escape, keyword)
    return { instruction, keyword, original, flags, args, json }
  }
}

/** A node before its place and its heredocs are known. */
interface Draft extends Pick<Node, 'instruction' | 'keyword' | 'original' | 'flags' | 'args' | 'json'> {
  readonly child?: Draft | undefined
}

function nodeOf(draft: Draft, place: Pick<Node, 'heredocs' | 'range' | 'source' | 'prevComment'>): Node {
  const { instruction, keyword, original, flags, args, json, child } = draft
  const { heredocs, range, source, prevComment } = place
  const node = { instruction, keyword, original, flags, args, json, heredocs, range, source, prevComment }
  return child === undefined ? node : { ...node, child: nodeOf(child, { ...place, heredocs: [], prevComment: [] }) }
}

/** Nobody nests instructions; a limit keeps hostile input from being slow. */
const maxNesting = 10
const chained = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"
