import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { BuildOptions } from '../api.js'
import { CoreError } from '../errors.js'
import type { EpochSources, RemoteSource } from '../frontend/source-date-epoch.js'
import { isGitUrl, parseGitUrl } from '../git/index.js'
import { type FetchServices, isHttpUrl, remoteKind } from './fetch-context.js'
import { decompressed } from './stream-context.js'

/** Asks a build's sources for their times. */
export function epochSources(services: FetchServices, options: BuildOptions): EpochSources {
  const { context = '.', buildContexts = {}, signal } = options
  const call = signal === undefined ? {} : { signal }
  const remote = async ({ url, checksum, keepGitDir }: RemoteSource): Promise<number | undefined> => {
    if (isGitUrl(url) || keepGitDir !== undefined) {
      const source = parseGitUrl(url)
      return await services.git.commitTime(checksum === undefined ? source : { ...source, checksum }, call)
    }
    if (!isHttpUrl(url))
      throw new CoreError('DOCKERFILE_INVALID', 'SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD')
    const { path, modifiedSeconds } = await services.http.fetch(url, checksum, call)
    return modifiedSeconds ?? (await newestFile(path))
  }
  const ofContext = async (value: string) => {
    const kind = await remoteKind(value)
    if (kind === undefined) return undefined
    return await remote({ url: value.startsWith('github.com/') ? `https://${value}` : value })
  }
  return {
    remote,
    context: async () => (typeof context === 'string' ? await ofContext(context) : undefined),
    async named(name) {
      const wanted = name.toLowerCase()
      const found = Object.entries(buildContexts).find(([key]) => key.toLowerCase() === wanted)
      return found === undefined ? 'none' : await ofContext(found[1])
    },
  }
}

/** The time of the newest file in an archive; none where the file is no archive. */
async function newestFile(path: string): Promise<number | undefined> {
  const { extract } = await import('tar-stream')
  const { detectCompression } = await import('@tsbuild/exporter')
  let newest: number | undefined
  try {
    const archive = extract()
    const plain = await decompressed(createReadStream(path), detectCompression(await firstBytes(path)))
    Readable.from(plain, { objectMode: false })
      .on('error', (error) => archive.destroy(error))
      .pipe(archive)
    for await (const entry of archive) {
      const { type, mtime } = entry.header
      const seconds = mtime === undefined ? undefined : Math.floor(mtime.getTime() / 1000)
      if (type === 'file' && seconds !== undefined) newest = Math.max(newest ?? seconds, seconds)
      entry.resume()
    }
    return newest
  } catch {
    return undefined
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(path, { end: 511 })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
