import type { PullEvent, PushEvent } from '@tsbuild/core'
import { digestHex, familiarRepository } from '@tsbuild/spec'
import { formatSize } from '../format/size.js'

/** What Docker says of a layer: `a1b2c3d4e5f6: Downloading [==>   ]  1MB/5MB`. */
export interface TransferStatus {
  readonly id: string
  readonly status: string
  readonly bytes?: number
  readonly total?: number
}

type PullLayer = Extract<PullEvent, { kind: 'layer' }>
type PushLayer = Extract<PushEvent, { kind: 'layer' }>

export function pullStatus({ digest, state, ...progress }: PullLayer): TransferStatus {
  return { id: shortId(digest), status: pullWords[state], ...sizes(progress) }
}

export function pushStatus({ digest, state, from, ...progress }: PushLayer): TransferStatus {
  const status = state === 'mounted' && from !== undefined ? `Mounted from ${from}` : pushWords[state]
  return { id: shortId(digest), status, ...sizes(progress) }
}

/** The line above an image's layers. */
export function pullTitle({ reference, repository }: Extract<PullEvent, { kind: 'image' }>): string {
  return `${reference}: Pulling from ${repository}`
}

export function pushTitle({ registry, repository }: Extract<PushEvent, { kind: 'image' }>): string {
  const shown = registry === 'docker.io' ? `docker.io/${repository}` : familiarRepository({ registry, repository })
  return `The push refers to repository [${shown}]`
}

const pullWords: Readonly<Record<PullLayer['state'], string>> = {
  exists: 'Already exists',
  waiting: 'Pulling fs layer',
  downloading: 'Downloading',
  verifying: 'Verifying Checksum',
  downloaded: 'Download complete',
  extracting: 'Extracting',
  complete: 'Pull complete',
}

const pushWords: Readonly<Record<PushLayer['state'], string>> = {
  preparing: 'Preparing',
  waiting: 'Waiting',
  pushing: 'Pushing',
  exists: 'Layer already exists',
  mounted: 'Mounted',
  pushed: 'Pushed',
}

function shortId(digest: PullLayer['digest']): string {
  return digestHex(digest).slice(0, 12)
}

function sizes({ bytes, total }: { readonly bytes?: number; readonly total?: number }): {
  readonly bytes?: number
  readonly total?: number
} {
  return { ...(bytes === undefined ? {} : { bytes }), ...(total === undefined ? {} : { total }) }
}

const barWidth = 50
/** Columns that a line needs besides its bar. */
const besides = 50

/** The line of a layer, with a bar where the terminal is wide enough. */
export function transferLine({ id, status, bytes, total }: TransferStatus, columns: number): string {
  if (bytes === undefined) return `${id}: ${status}`
  if (total === undefined || total === 0) return `${id}: ${status} ${formatSize(bytes, 4)}`
  const numbers = `${formatSize(Math.min(bytes, total), 4)}/${formatSize(total, 4)}`
  const width = Math.min(barWidth, columns - besides)
  if (width < 10) return `${id}: ${status} ${numbers}`
  const done = Math.floor((Math.min(bytes, total) / total) * width)
  const bar = `${'='.repeat(done)}${done < width ? '>' : ''}`.padEnd(width)
  return `${id}: ${status} [${bar}]  ${numbers}`
}
