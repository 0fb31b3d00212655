import type { Digest } from '@tsbuild/spec'
import type { Result } from './op.js'
import type { Vertex } from './vertex.js'

/** Every different vertex that the targets reach, inputs before their users. Works without recursion: chains may be long. */
export function inOrder<R extends Result>(targets: readonly Vertex<R>[]): Vertex<R>[] {
  const seen = new Set<Digest>()
  const order: Vertex<R>[] = []
  for (const target of targets) {
    const stack = [{ vertex: target, next: 0 }]
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      if (top.next === 0 && seen.has(top.vertex.digest)) {
        stack.pop()
        continue
      }
      seen.add(top.vertex.digest)
      const input = top.vertex.inputs[top.next++]
      if (input !== undefined) stack.push({ vertex: input, next: 0 })
      else {
        order.push(top.vertex)
        stack.pop()
      }
    }
  }
  return order
}

/** The inputs that progress can name: a hidden one is stood for by its own inputs. */
export function visibleInputs<R extends Result>(vertex: Vertex<R>): Digest[] {
  const found = new Set<Digest>()
  const seen = new Set<Vertex<R>>()
  const queue = [...vertex.inputs]
  for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
    if (seen.has(input)) continue
    seen.add(input)
    if (input.hidden) queue.push(...input.inputs)
    else found.add(input.digest)
  }
  return [...found]
}
