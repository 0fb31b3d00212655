import { badTemplate } from './bad-template.js'

/** Fields, variables and closing brackets come with the chain of fields that follows: `.A.B`, `$x.A`, `).A`. */
export type Token =
  | { readonly kind: 'field' | 'variable' | 'name' | 'operator'; readonly text: string }
  | { readonly kind: 'value'; readonly value: string | number }

/** A piece of a template: text, or the tokens between `{{` and `}}`. */
export type Piece = string | readonly Token[]

const token =
  /\s+|(?<value>"(?:[^"\\]|\\.)*"|`[^`]*`|-?\d+(?:\.\d+)?)|(?<field>(?:\.[A-Za-z_]\w*)+|\.)|(?<variable>\$\w*(?:\.[A-Za-z_]\w*)*)|(?<name>[A-Za-z_]\w*)|(?<operator>:=|\)(?:\.[A-Za-z_]\w*)*|[(|,=])/y

/** Cuts a Go template into text and actions; `{{-` and `-}}` take the white space beside them away, comments vanish.
 * @throws {CliError} `TEMPLATE_INVALID` */
export function lex(template: string): Piece[] {
  const pieces: Piece[] = []
  let rest = template
  let trim = false
  const text = (value: string) => {
    const shown = trim ? value.trimStart() : value
    if (shown !== '') pieces.push(shown)
  }
  for (let start = rest.indexOf('{{'); start >= 0; start = rest.indexOf('{{')) {
    const action = /^\{\{(-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|[^"`/]|\/(?!\*))*?)(\s-)?\}\}/.exec(
      rest.slice(start),
    )
    if (action === null) throw badTemplate(template, 'an action has no end: "}}" is missing')
    const before = rest.slice(0, start)
    text(action[1] === undefined ? before : before.trimEnd())
    trim = action[3] !== undefined
    const source = (action[2] ?? '').trim()
    if (!source.startsWith('/*')) pieces.push(tokens(template, source))
    rest = rest.slice(start + action[0].length)
  }
  text(rest)
  return pieces
}

function tokens(template: string, source: string): Token[] {
  const out: Token[] = []
  token.lastIndex = 0
  while (token.lastIndex < source.length) {
    const at = token.lastIndex
    const groups = token.exec(source)?.groups
    if (groups === undefined) throw badTemplate(template, `"${source.slice(at)}" is not understood`)
    const { value, ...texts } = groups
    if (value !== undefined) out.push({ kind: 'value', value: literal(template, value) })
    for (const kind of ['field', 'variable', 'name', 'operator'] as const) {
      const text = texts[kind]
      if (text !== undefined) out.push({ kind, text })
    }
  }
  return out
}

function literal(template: string, text: string): string | number {
  if (text.startsWith('`')) return text.slice(1, -1)
  if (!text.startsWith('"')) return Number(text)
  try {
    return String(JSON.parse(text))
  } catch {
    throw badTemplate(template, `the string ${text} is not understood`)
  }
}
