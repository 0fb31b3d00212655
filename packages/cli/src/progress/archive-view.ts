import type { ArchiveEvent } from '@tsbuild/core'
import { digestHex } from '@tsbuild/spec'
import type { Io } from '../io.js'
import type { TransferStatus } from './transfer-status.js'
import { createTransferView } from './transfer-view.js'

/** Shows on a terminal how an archive is written or read; elsewhere nothing. */
export interface ArchiveView {
  readonly handle: (event: ArchiveEvent) => void
  /** Closing twice is harmless. */
  close(): void
}

export function createArchiveView(io: Pick<Io, 'env' | 'stderr'>, quiet: boolean): ArchiveView {
  const view = createTransferView(io, quiet || io.stderr.isTTY !== true)
  return {
    handle(event) {
      if (event.kind === 'image') view.line(event.names[0] ?? event.id)
      else view.update(statusOf(event))
    },
    close: () => view.close(),
  }
}

type Progress = Exclude<ArchiveEvent, { kind: 'image' }>

function statusOf(event: Progress): TransferStatus {
  const { bytes, total } = event
  const sizes = { ...(bytes === undefined ? {} : { bytes }), ...(total === undefined ? {} : { total }) }
  switch (event.kind) {
    case 'read':
      return event.done ? { id: 'archive', status: 'Read' } : { id: 'archive', status: 'Reading', ...sizes }
    case 'written':
      return { id: shortId(event.digest), ...(event.done ? { status: 'Saved' } : { status: 'Saving', ...sizes }) }
    case 'layer':
      return { id: shortId(event.digest), status: layerWords[event.state], ...sizes }
  }
}

const layerWords: Readonly<Record<Extract<ArchiveEvent, { kind: 'layer' }>['state'], string>> = {
  exists: 'Already exists',
  waiting: 'Waiting',
  downloading: 'Loading',
  verifying: 'Verifying',
  downloaded: 'Loaded',
  extracting: 'Loading layer',
  complete: 'Loaded layer',
}

function shortId(digest: Parameters<typeof digestHex>[0]): string {
  return digestHex(digest).slice(0, 12)
}
