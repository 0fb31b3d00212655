import type { ByteStream } from '@tsbuild/spec'
import { type Header, type Pack, pack } from 'tar-stream'
import { ExporterError } from '../errors.js'

/** A member of an archive: a directory, or a file of a known size. */
export type ArchiveEntry =
  | { readonly name: string; readonly directory: true }
  | { readonly name: string; readonly size: number; readonly data: () => ByteStream | Uint8Array }

/** Streams a tar of entries, read one after the other; every entry has the same owner (0:0) and time (the epoch), so that equal images give equal archives.
 * @throws {ExporterError} `BLOB_MISMATCH` where an entry's bytes are not as many as it says */
export async function* tarArchive(entries: Iterable<ArchiveEntry>): ByteStream {
  const archive = pack()
  const filled = fill(archive, entries)
  filled.catch((error: Error) => archive.destroy(error))
  try {
    yield* archive as AsyncIterable<Buffer>
    await filled
  } finally {
    archive.destroy()
  }
}

async function fill(archive: Pack, entries: Iterable<ArchiveEntry>): Promise<void> {
  for (const entry of entries) {
    const common = { name: entry.name, mtime: new Date(0), uid: 0, gid: 0 }
    if ('directory' in entry) await add(archive, { ...common, type: 'directory', mode: 0o755, size: 0 }, [])
    else {
      const data = entry.data()
      await add(
        archive,
        { ...common, type: 'file', mode: 0o644, size: entry.size },
        data instanceof Uint8Array ? [data] : data,
      )
    }
  }
  archive.finalize()
}

async function add(
  archive: Pack,
  header: Partial<Header> & Pick<Header, 'name' | 'size'>,
  data: ByteStream | Iterable<Uint8Array>,
): Promise<void> {
  const { promise: ended, resolve, reject } = withResolvers()
  const sink = archive.entry(header, (error) => (error ? reject(error) : resolve()))
  sink.on('error', reject)
  let written = 0
  for await (const chunk of data) {
    written += chunk.length
    if (written > header.size) break
    if (!sink.write(chunk)) await drained(sink)
    if (sink.destroyed) throw new Error('Cannot write archive: its reader has gone')
  }
  if (written !== header.size) {
    throw new ExporterError(
      'BLOB_MISMATCH',
      `Cannot write "${header.name}": its bytes are not the ${header.size} that it should have`,
    )
  }
  sink.end(null)
  await ended
}

function withResolvers() {
  let resolve = () => {}
  let reject = (_error: Error) => {}
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  // Nobody waits for it yet where the data fails first.
  promise.catch(() => {})
  return { promise, resolve, reject }
}

function drained(sink: ReturnType<Pack['entry']>): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      sink.off('drain', settle).off('close', settle).off('error', settle)
      resolve()
    }
    sink.on('drain', settle).on('close', settle).on('error', settle)
  })
}
