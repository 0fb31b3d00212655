import { enterHostRoot, openDirectoryTree, openMountTree, type Tree, type WorkerTask } from '@tsbuild/host'
import type { Mount } from '@tsbuild/spec'
import { CopyJob } from './copy-job.js'
import { compileIgnore, type SourceDigest, type TreePlace } from './digest-task.js'
import type { InlineFile } from './request.js'
import type { SourceWords } from './select.js'
import { SourceTree } from './source-tree.js'

export type CopySource =
  | { readonly kind: 'tree'; readonly words: SourceWords; readonly unpack: boolean }
  | { readonly kind: 'inline'; readonly file: InlineFile }
  | {
      readonly kind: 'checkout'
      /** On the host; all that is in it is copied. */
      readonly directory: string
      readonly exclude: readonly string[]
    }
  | {
      readonly kind: 'download'
      /** On the host. */
      readonly path: string
      readonly name: string
      /** From Last-Modified, seconds since the epoch. */
      readonly modifiedSeconds?: number
      readonly unpack: boolean
    }

export interface CopyInput {
  readonly target: Mount
  readonly sources: readonly CopySource[]
  /** Where `tree` sources are. */
  readonly tree?: TreePlace
  /** Absolute in the image; ends with a slash where it names a directory. */
  readonly destination: string
  /** Whether files of `tree` keep their owners, where `chown` says nothing. */
  readonly owners: boolean
  readonly chown?: string
  readonly chmod?: string
  /** Seconds since the epoch. */
  readonly modifiedTime?: number
}

export interface CopyOutput {
  /** What was copied, for the sources of kind `tree`. */
  readonly sources: readonly SourceDigest[]
}

/** Carries out a COPY or ADD in a mounted snapshot. The thread is in the snapshot's root whenever it writes, in the source's when it
 * reads, and in the host's when code may be loaded. */
export async function copyTask(input: CopyInput, task: WorkerTask): Promise<CopyOutput> {
  using targetTree = openMountTree(input.target)
  using sourceTree = input.tree && openPlace(input.tree)
  try {
    const ignore = input.tree?.kind === 'directory' ? compileIgnore(input.tree.ignore) : undefined
    const job = new CopyJob(input, targetTree, sourceTree, new SourceTree('', ignore), task)
    const digests: SourceDigest[] = []
    for (const source of input.sources) {
      if (source.kind === 'tree') digests.push(await job.copyTree(source.words, source.unpack))
      else if (source.kind === 'inline') job.copyInline(source.file)
      else if (source.kind === 'checkout') await copyCheckout(job, source)
      else await job.copyDownload(source)
    }
    return { sources: digests }
  } finally {
    enterHostRoot()
  }
}

async function copyCheckout(job: CopyJob, { directory, exclude }: CopySource & { kind: 'checkout' }): Promise<void> {
  using from = openDirectoryTree(directory)
  await job.copyTree({ source: '/', exclude, parents: false }, false, { place: from, tree: new SourceTree('') })
}

function openPlace(place: TreePlace): Tree {
  return place.kind === 'directory' ? openDirectoryTree(place.directory) : openMountTree(place.mount)
}
