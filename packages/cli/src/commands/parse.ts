import type { Node } from '@tsbuild/parser'
import { Option } from 'commander'
import { withExcerpt } from '../parse-failure.js'
import { readDockerfile } from '../read-dockerfile.js'
import type { CliCommand } from './command.js'

export const parse: CliCommand = {
  summary: 'Show the syntax tree of a Dockerfile',
  define(command) {
    command.argument('<FILE>', 'path of a Dockerfile; - for standard input')
    const format = new Option('--format <format>', 'json: an object for each instruction; dump: one line for each')
    command.addOption(format.choices(['json', 'dump']).default('json'))
    command.addHelpText('after', '\nExample:\n  tsbuild parse --format dump ./Dockerfile')
  },
  async run(command, io) {
    const source = await readDockerfile(command.args[0]!, io)
    const { format } = command.opts<{ format: 'json' | 'dump' }>()
    const parser = await import('@tsbuild/parser')
    const { nodes } = withExcerpt(source, () => parser.parseNodes(source.text, { file: source.file }))
    if (format === 'dump') return { stdout: parser.formatNodes(nodes) }
    return { stdout: `${JSON.stringify(nodes.map(toJson), null, 2)}\n` }
  },
}

/** A node as this command shows it; `line` is the first and the last line. */
export function toJson(node: Node): Record<string, unknown> {
  const { instruction, keyword, flags, args, json, heredocs, range, child, prevComment } = node
  return {
    instruction,
    keyword,
    flags,
    args,
    json,
    heredocs,
    line: [range.startLine, range.endLine],
    ...(child === undefined ? {} : { child: toJson(child) }),
    ...(prevComment.length === 0 ? {} : { comments: prevComment }),
  }
}
