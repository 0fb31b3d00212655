import type { Difference } from '@tsbuild/solver'
import type { MissCause } from '@tsbuild/spec'

/** A FROM whose image is another one now: the digests of the manifests, where both are known. */
export function explainImage({ before, after, record: { facts } }: Difference, digest: string): MissCause {
  if (facts !== null && typeof facts === 'object' && 'digest' in facts && typeof facts.digest === 'string') {
    return { kind: 'baseImage', before: facts.digest, after: digest }
  }
  return { kind: 'baseImage', before: String(before ?? 'none'), after: String(after ?? 'none') }
}
