import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  detectDirective,
  detectSyntax,
  findHeredocs,
  formatNodes,
  parseHeredocOpener,
  parseNodes,
  processHeredoc,
  splitWords,
} from '../../packages/parser/dist/index.js'
import { fails, same } from './report.mjs'

const read = (...path) => readFileSync(join(...path))
const json = (...path) => JSON.parse(read(...path).toString('utf8'))

/** A node in the shape of the case files. */
export function plainNode(node) {
  return {
    instruction: node.instruction,
    original_keyword: node.keyword,
    flags: node.flags,
    line: [node.range.startLine, node.range.endLine],
    json: node.json,
    heredocs: node.heredocs,
    ...(node.prevComment.length > 0 ? { comments: node.prevComment } : {}),
    args: node.args,
    ...(node.child === undefined ? {} : { child: node.child }),
  }
}

/** Compares nodes by what an expected node names. */
export function sameNodes(nodes, expected) {
  same(nodes.length, expected.length, 'number of nodes')
  for (const [index, node] of nodes.entries()) {
    const wanted = expected[index]
    const actual = plainNode(node)
    for (const [key, value] of Object.entries(wanted)) {
      if (key === 'args' && node.child !== undefined) continue
      if (key === 'heredocs') same(actual.heredocs, value, `heredocs of line ${node.range.startLine}`)
      else if (key in actual || key === 'comments')
        same(actual[key] ?? [], value, `${key} of line ${node.range.startLine}`)
    }
    const described = new Set(Object.keys(wanted))
    if (actual.comments !== undefined && !described.has('comments') && described.has('flags')) {
      same(actual.comments, [], `comments of line ${node.range.startLine}`)
    }
  }
}

/** Compares a whole file with its JSON description. */
export function sameTree(tree, expected) {
  same(tree.escape, expected.escape, 'escape')
  same(tree.directives, expected.directives, 'directives')
  same(
    tree.warnings.map((warning) => ({ line: warning.range.startLine, short: warning.message })),
    (expected.warnings ?? []).map(({ line, short }) => ({ line, short })),
    'warnings',
  )
  if (Array.isArray(expected.lines)) {
    same([tree.nodes[0].range.startLine, tree.nodes.at(-1).range.endLine], expected.lines, 'lines')
  }
  sameNodes(tree.nodes, expected.ast)
}

export async function run(folder, area) {
  for (const id of readdirSync(join(folder, 'testfiles'))) {
    await area.case(`dump/${id}`, () => {
      const tree = parseNodes(read(folder, 'testfiles', id, 'Dockerfile'))
      same(formatNodes(tree.nodes), read(folder, 'testfiles', id, 'result').toString('utf8'))
    })
  }
  const negative = join(folder, 'testfiles-negative')
  for (const id of existsSync(negative) ? readdirSync(negative) : []) {
    await area.case(`negative/${id}`, () => fails(() => parseNodes(read(negative, id, 'Dockerfile'))))
  }
  for (const entry of json(folder, 'cases.json')) {
    await area.case(`cases/${entry.id}`, () => {
      const parse = () => parseNodes(read(folder, entry.file))
      if (!entry.ok) return fails(parse, entry.error ?? '')
      sameTree(parse(), entry)
    })
  }
  await units(json(folder, 'unit.json'), folder, area)
}

async function units(unit, folder, area) {
  const each = async (name, body) => {
    for (const [index, entry] of (unit[name] ?? []).entries())
      await area.case(`${name}/${entry.id ?? index}`, () => body(entry))
  }
  await each('heredoc_dockerfiles', (entry) => {
    const { nodes } = parseNodes(entry.dockerfile)
    if (entry.ast) sameNodes(nodes, entry.ast)
    for (const [index, wanted] of (entry.expect_heredocs_from_child_1 ?? []).entries()) {
      same(nodes[index + 1].heredocs, wanted ?? [], `heredocs of child ${index + 1}`)
    }
  })
  await each('heredocs_from_line', (entry) => {
    same(
      findHeredocs(entry.line).map((found) => found.name),
      entry.actual ?? entry.heredocNames,
    )
  })
  const words = unit.heredoc_words ?? {}
  for (const word of words.valid_name_EOF ?? []) {
    await area.case(`heredoc_words/${word}`, () => same(parseHeredocOpener(word)?.name, 'EOF'))
  }
  for (const word of words.error ?? [])
    await area.case(`heredoc_words/${word}`, () => fails(() => parseHeredocOpener(word)))
  for (const word of words.not_a_heredoc ?? []) {
    await area.case(`heredoc_words/${word}`, () => same(parseHeredocOpener(word) === undefined, true))
  }
  if (unit.chomp) {
    await area.case('chomp', () => same(processHeredoc({ content: unit.chomp.input, chomp: true }), unit.chomp.expect))
  }
  await each('words', (entry) => same(splitWords(entry.input, '\\'), entry.expect))
  const lists = unit.json_string_arrays ?? {}
  for (const [text, expected] of Object.entries(lists.valid ?? {})) {
    await area.case(`json/${text}`, () => {
      const [node] = parseNodes(`CMD ${text}`).nodes
      same([node.json, node.args], [true, expected])
    })
  }
  for (const text of lists.invalid_hard_error ?? [])
    await area.case(`json/${text}`, () => fails(() => parseNodes(`CMD ${text}`)))
  for (const text of lists.invalid_fallback ?? []) {
    await area.case(`json/${text}`, () => same(parseNodes(`CMD ${text}`).nodes[0].json, false))
  }
  if (unit.line_numbers) {
    const file = join(folder, unit.line_numbers.file)
    if (!existsSync(file)) area.skip('line_numbers', `${unit.line_numbers.file} is not there`)
    else {
      await area.case('line_numbers', () => {
        const { nodes } = parseNodes(readFileSync(file))
        const lines = nodes.map((node) => [node.range.startLine, node.range.endLine])
        same([[lines[0][0], lines.at(-1)[1]], lines], [unit.line_numbers.root, unit.line_numbers.children])
      })
    }
  }
  if (unit.empty_continuation_warning) {
    await area.case('empty_continuation_warning', () => {
      const { dockerfile, warnings } = unit.empty_continuation_warning
      const found = parseNodes(dockerfile).warnings
      same(
        found.map((warning) => warning.range.startLine),
        warnings.map((warning) => warning.line),
        'lines',
      )
      for (const [index, { short_contains: texts }] of warnings.entries()) {
        for (const text of texts)
          same(found[index].message.includes(text), true, `"${text}" in "${found[index].message}"`)
      }
    })
  }
  if (unit.too_long_line) {
    await area.case('too_long_line', () => {
      const text = unit.too_long_line.dockerfile.replace(/<(\d+) times (.)>/, (_, count, char) =>
        char.repeat(Number(count)),
      )
      fails(() => parseNodes(text), unit.too_long_line.error)
    })
  }
  await each('name_val', (entry) => {
    const parse = () => parseNodes(`${(entry.kind ?? 'LABEL').split('/').at(-1)} ${entry.input}`).nodes[0].args
    if (entry.error) fails(parse, entry.error)
    else same(parse(), entry.expect)
  })
  await each('directives', (entry) => {
    const { directives } = parseNodes(`${entry.dockerfile}FROM scratch\n`)
    same(
      directives.map(({ name, value }) => ({ name, value })),
      entry.expect,
    )
  })
  const detected = (find) => (entry) => {
    const found = find(entry.input)
    same(found?.value ?? null, entry.ref)
    if (entry.cmdline !== undefined) same(found.text, entry.cmdline)
    if (entry.line !== undefined) same(found.line, entry.line)
  }
  await each('detect_syntax', detected(detectSyntax))
  await each(
    'parse_directive_check',
    detected((text) => detectDirective(text, 'check')),
  )
}
