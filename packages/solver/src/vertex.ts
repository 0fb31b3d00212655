import { type CanonicalValue, canonicalDigest, type Digest, type SourceRange } from '@tsbuild/spec'
import type { Op, Result } from './op.js'

/** A node of the graph: an op on the results of other vertices. Immutable; made by {@link createVertex}. */
export interface Vertex<R extends Result> {
  /** Names the op together with all that it is made of; vertices of equal digest are solved once. */
  readonly digest: Digest
  readonly op: Op<R>
  readonly inputs: readonly Vertex<R>[]
  /** As progress shows it. */
  readonly name: string
  /** Names the same step across edits, for explanations. */
  readonly step: string
  readonly source?: SourceRange
  /** Run it even where the cache has its result. The new result is remembered all the same. */
  readonly ignoreCache?: boolean
  /** Emits no events. */
  readonly hidden?: boolean
}

/** Makes a vertex. Its digest covers the op's kind and attributes, the inputs' digests and `ignoreCache`; names do not count. */
export function createVertex<R extends Result>(init: Omit<Vertex<R>, 'digest'>): Vertex<R> {
  const identity: CanonicalValue = {
    kind: init.op.kind,
    attributes: init.op.attributes,
    inputs: init.inputs.map((input) => input.digest),
    ignoreCache: init.ignoreCache === true,
  }
  return { ...init, digest: canonicalDigest(identity) }
}
