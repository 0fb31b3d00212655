import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { type ByteStream, type CallOptions, faultPoint } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'

/** A file's path, or a stream that is written at its own pace and left open (standard output is not ours to close). */
export type WriteDestination = string | Writable

/** Writes a stream to its destination. A file appears under its name when it is whole: what stood there before stays until then,
 * and nothing is left behind by a failure. Links are followed; a device or pipe is written to as it is.
 * @throws {ExporterError} `OUTPUT_FAILED`; errors of `stream` pass through */
export async function writeStream(
  stream: ByteStream,
  destination: WriteDestination,
  options: CallOptions = {},
): Promise<void> {
  if (typeof destination !== 'string') return writeTo(stream, destination, options)
  try {
    const there = await existing(destination)
    if (there?.isFile === false) return await writeFile(stream, there.path, 'w', options)
    await writeAside(stream, there?.path ?? destination, options)
  } catch (error) {
    throw asOutputError(error, destination)
  }
}

async function existing(path: string): Promise<{ readonly path: string; readonly isFile: boolean } | undefined> {
  try {
    const real = await realpath(path)
    return { path: real, isFile: (await stat(real)).isFile() }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function writeAside(stream: ByteStream, path: string, options: CallOptions): Promise<void> {
  const aside = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString('hex')}`)
  try {
    await writeFile(stream, aside, 'wx', options)
    faultPoint('output.publish.before')
    await rename(aside, path)
    faultPoint('output.publish.after')
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}

async function writeFile(stream: ByteStream, path: string, flags: 'w' | 'wx', { signal }: CallOptions): Promise<void> {
  await using file = await open(path, flags, 0o644)
  for await (const chunk of stream) {
    signal?.throwIfAborted()
    faultPoint('output.write')
    for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
  }
  if (flags === 'wx') await file.sync()
}

async function writeTo(stream: ByteStream, writable: Writable, { signal }: CallOptions): Promise<void> {
  const closed = new AbortController()
  let failure: unknown
  const onError = (error: unknown) => {
    failure ??= error
    closed.abort()
  }
  const onClose = () => onError(new Error('it was closed'))
  writable.on('error', onError).once('close', onClose)
  const waiting = AbortSignal.any(signal === undefined ? [closed.signal] : [closed.signal, signal])
  try {
    for await (const chunk of stream) {
      if (writable.write(chunk)) waiting.throwIfAborted()
      else await once(writable, 'drain', { signal: waiting })
    }
    if (closed.signal.aborted) throw failure
  } catch (error) {
    signal?.throwIfAborted()
    throw failure === undefined
      ? error
      : new ExporterError('OUTPUT_FAILED', `Cannot write output: ${(failure as Error).message}`, { cause: failure })
  } finally {
    writable.off('error', onError).off('close', onClose)
  }
}

const fileErrors = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EISDIR',
  'EIO',
  'ENAMETOOLONG',
  'EFBIG',
  'ENOTEMPTY',
  'EEXIST',
])

/** An error of the file system, told with its path; others as they are. */
export function asOutputError(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined || code === undefined || !fileErrors.has(code)) return error
  const why: Record<string, string> = {
    ENOENT: 'its directory does not exist',
    EACCES: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on the device',
    EISDIR: 'it is a directory',
  }
  return new ExporterError('OUTPUT_FAILED', `Cannot write "${path}": ${why[code] ?? code}`, { cause: error })
}
