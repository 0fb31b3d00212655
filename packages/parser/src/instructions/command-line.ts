import type { CommandLine } from '../ast.js'
import type { Node } from '../nodes/node.js'

/** Arguments as what RUN, CMD and ENTRYPOINT run. */
export function commandLine({ json, args }: Pick<Node, 'json' | 'args'>): CommandLine {
  return json ? { form: 'exec', args } : { form: 'shell', text: args.join(' ') }
}
