import type { FileSource } from '../files/index.js'
import type { LayerChain } from './layers.js'
import type { OpServices } from './services.js'

/** The files of a result, as something to copy from or to take digests of. */
export function chainSource(
  { id, layers }: LayerChain,
  { lazy, digests }: Pick<OpServices, 'lazy' | 'digests'>,
): FileSource {
  return { kind: 'chain', id, layers: (options) => lazy.present(layers, options), digests }
}
