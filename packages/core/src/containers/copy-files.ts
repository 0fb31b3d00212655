import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ByteStream, CallOptions } from '@tsbuild/spec'
import type { CopiedFiles, CopyFilesOptions, FilesDestination, FilesSource } from '../api/container-files.js'
import { type ContainerFiles, openContainerFiles } from '../container-files.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { withContainerLock } from './container-locks.js'
import { containerMount } from './container-snapshot.js'
import { type CopySide, checkSource, copyName, planCopy } from './copy-plan.js'
import type { FilesPlace } from './files-task.js'
import { endLeftovers } from './life.js'
import { mountedAt } from './mount-container.js'
import type { ContainerRecord } from './record.js'

/** A container whose files are copied. `load` gives the settled record. */
export interface CopyContainer {
  readonly parts: EngineParts
  readonly id: string
  readonly load: () => Promise<ContainerRecord>
}

const host: FilesPlace = { kind: 'directory', path: '/' }

/** See `Container.copyOut`. */
export async function copyOut(
  container: CopyContainer,
  path: string,
  destination: FilesDestination,
  options: CopyFilesOptions,
): Promise<CopiedFiles> {
  const { archive = false, followLink = false } = options
  const call = callOf(options)
  return await withFiles(container, call, async (files, place) => {
    const source = await lookAt(files, { place, path, follow: followLink }, call)
    checkSource(source)
    const tar = (name: string) => files.pack({ place, path: source.found.path, name }, call)
    if (typeof destination !== 'string') {
      const counted = counter(tar(copyName(source)))
      await pipeline(Readable.from(counted.stream, { objectMode: false }), destination, { end: false, ...call })
      return { bytes: counted.bytes() }
    }
    const target = await lookAt(files, { place: host, path: hostPath(destination), follow: true }, call)
    const { name, directory } = planCopy(source, { ...target, written: destination })
    return await files.unpack(
      {
        place: { kind: 'directory', path: `/${Buffer.from(directory, 'latin1').toString()}` },
        path: '',
        ...(archive ? {} : { owner: caller() }),
      },
      tar(name),
      call,
    )
  })
}

/** See `Container.copyIn`. */
export async function copyIn(
  container: CopyContainer,
  source: FilesSource,
  path: string,
  options: CopyFilesOptions,
): Promise<CopiedFiles> {
  const { archive = false, followLink = false } = options
  const call = callOf(options)
  return await withFiles(container, call, async (files, place) => {
    const target = await lookAt(files, { place, path, follow: true }, call)
    if (typeof source !== 'string') {
      if (target.found.type !== 'directory')
        throw new CoreError('COPY_INVALID', `Cannot copy to "${path}": there is no such directory`)
      return await files.unpack({ place, path: target.found.path }, source, call)
    }
    const from = await lookAt(files, { place: host, path: hostPath(source), follow: followLink }, call)
    const { name, directory } = planCopy({ ...from, written: source }, target)
    const tar = files.pack({ place: host, path: from.found.path, name }, call)
    const owner = archive ? {} : { owner: { uid: 0, gid: 0 } }
    return await files.unpack({ place, path: directory, ...owner }, tar, call)
  })
}

async function lookAt(
  files: ContainerFiles,
  input: Parameters<ContainerFiles['look']>[0],
  call: CallOptions,
): Promise<CopySide> {
  return { written: input.path, found: await files.look(input, call) }
}

/** With what says that a directory is meant. */
function hostPath(path: string): string {
  const end = /(^|\/)\.?$/.exec(path)?.[0] ?? ''
  return resolve(path) + (end.startsWith('/') ? end : '')
}

function caller(): { readonly uid: number; readonly gid: number } {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}

function callOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal }
}

function counter(source: ByteStream): { readonly stream: ByteStream; bytes(): number } {
  let bytes = 0
  const stream = async function* () {
    for await (const chunk of source) {
      bytes += chunk.length
      yield chunk
    }
  }
  return { stream: stream(), bytes: () => bytes }
}

/** One that runs is seen as its processes see it; one that does not is mounted for us alone, and cannot start meanwhile. */
async function withFiles<T>(
  { parts, id, load }: CopyContainer,
  call: CallOptions,
  body: (files: ContainerFiles, place: FilesPlace) => Promise<T>,
): Promise<T> {
  await using files = openContainerFiles(parts.options.workerDir)
  const running = ({ state }: ContainerRecord) => (state.status === 'running' ? state.process : undefined)
  const now = running(await load())
  if (now !== undefined) return await body(files, { kind: 'process', process: now })
  return await withContainerLock(parts, id, call, async () => {
    const process = running(await load())
    if (process !== undefined) return await body(files, { kind: 'process', process })
    const mounted = mountedAt(parts, id)
    if (mounted !== undefined) return await body(files, { kind: 'directory', path: mounted })
    await endLeftovers(parts, id)
    return await body(files, { kind: 'mount', mount: await containerMount(parts, id, { durable: false }) })
  })
}
