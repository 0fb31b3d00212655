import { quote } from '../text.js'
import type { Node } from './node.js'

/** The nodes as s-expressions, one a line, with a line break at the end: the form of BuildKit's golden files. */
export function formatNodes(nodes: readonly Node[]): string {
  return `${nodes.map((node) => `(${formatNode(node)})`).join('\n')}\n`
}

function formatNode(node: Node): string {
  const flags = node.flags.length === 0 ? '' : ` [${node.flags.map(quote).join(' ')}]`
  const args = node.args.map((arg) => ` ${quote(arg)}`).join('')
  const child = node.child === undefined ? '' : ` (${formatNode(node.child)})`
  return `${node.instruction}${flags}${args}${child}`.trim()
}
