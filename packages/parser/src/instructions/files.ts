import type { CopyBase, InlineFile } from '../ast.js'
import { heredocOpenerOrNone, processHeredoc } from '../nodes/heredoc.js'
import type { Node } from '../nodes/node.js'
import { invalid } from './checks.js'
import type { Expander } from './definition.js'

type SourcesAndDestination = Pick<CopyBase, 'sources' | 'inlineFiles' | 'destination'>

/** Sources and destination of COPY and ADD; heredoc words among them become inline files. */
export function parseFiles(name: string, node: Node): SourcesAndDestination {
  const destination = node.args.at(-1)
  if (destination === undefined || node.args.length < 2) {
    return invalid(
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    )
  }
  if (heredocOpenerOrNone(destination) !== undefined) invalid(`${name} cannot accept a heredoc as a destination`)
  const sources: string[] = []
  const inlineFiles: InlineFile[] = []
  for (const word of node.args.slice(0, -1)) {
    const opener = heredocOpenerOrNone(word)
    if (opener === undefined) sources.push(word)
    else inlineFiles.push({ name: opener.name, data: body(node, opener), expand: opener.expand })
  }
  return { sources, inlineFiles, destination }
}

function body(node: Node, opener: { readonly name: string; readonly chomp: boolean }): string {
  const content = node.heredocs.findLast((heredoc) => heredoc.name === opener.name)?.content ?? ''
  return processHeredoc({ content, chomp: opener.chomp })
}

/** What COPY and ADD expand alike: paths, inline files, owner and mode. */
export function expandFiles<T extends CopyBase>(instruction: T, expander: Expander): T {
  const { chown, chmod } = instruction
  return {
    ...instruction,
    ...(chown === undefined ? {} : { chown: expander.word(chown) }),
    ...(chmod === undefined ? {} : { chmod: expander.word(chmod) }),
    sources: instruction.sources.map((source) => expander.word(source)),
    destination: expander.word(instruction.destination),
    inlineFiles: instruction.inlineFiles.map((file) =>
      file.expand ? { ...file, data: expander.body(file.data) } : file,
    ),
  }
}
