import type { RemovedImage } from '@tsbuild/core'

/** The lines that Docker prints for what was removed. */
export function removedLines({ untagged, deleted }: RemovedImage): string {
  return [...untagged.map((name) => `Untagged: ${name}\n`), ...deleted.map((digest) => `Deleted: ${digest}\n`)].join('')
}
