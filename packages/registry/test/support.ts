import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BlobSink, RegistryError, type RegistryErrorCode } from '@tsbuild/registry'
import {
  type ByteStream,
  canonicalJson,
  type Descriptor,
  digestFromHex,
  digestOf,
  type ImageManifest,
  type JsonValue,
  mediaTypes,
  parseReference,
  type Reference,
  TsbuildError,
} from '@tsbuild/spec'
import * as assert from 'uvu/assert'

/** Fast enough for tests of failures. */
export const quick = { attempts: 3, backoffMs: 5, idleTimeoutMs: 400 }

export function blobOf(bytes: Uint8Array, mediaType: string = mediaTypes.ociLayer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

export function random(size: number): Buffer {
  return randomBytes(size)
}

/** Opens bytes at an offset, in chunks as a file would come. */
export function opener(bytes: Uint8Array): (offset: number) => ByteStream {
  return async function* (offset) {
    for (let at = offset; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
  }
}

/** Keeps blobs in memory, verified as a content store does it. */
export class MemorySink implements BlobSink {
  readonly blobs = new Map<string, Buffer>()

  async openIngest({ digest, size }: Pick<Descriptor, 'digest' | 'size'>) {
    const chunks: Uint8Array[] = []
    const hash = createHash('sha256')
    return {
      offset: 0,
      write: async (chunk: Uint8Array) => {
        chunks.push(new Uint8Array(chunk))
        hash.update(chunk)
      },
      commit: async () => {
        const bytes = Buffer.concat(chunks)
        if (bytes.length !== size) throw new TsbuildError('BLOB_SIZE_MISMATCH', 'wrong size')
        if (digestFromHex(hash.digest('hex')) !== digest) throw new TsbuildError('BLOB_DIGEST_MISMATCH', 'wrong digest')
        this.blobs.set(digest, bytes)
      },
      [Symbol.asyncDispose]: async () => {},
    }
  }
}

export interface SmallImage {
  readonly config: Buffer
  readonly layer: Buffer
  readonly manifest: ImageManifest
  readonly bytes: Buffer
}

/** An image with one layer of random bytes. */
export function smallImage(
  platform: JsonValue & object = { os: 'linux', architecture: 'amd64' },
  layerBytes = 1000,
): SmallImage {
  const layer = random(layerBytes)
  const config = Buffer.from(canonicalJson({ ...platform, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }))
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: blobOf(config, mediaTypes.ociConfig),
    layers: [blobOf(layer)],
  }
  return { config, layer, manifest, bytes: Buffer.from(canonicalJson(manifest as unknown as JsonValue)) }
}

export interface TestServer extends AsyncDisposable {
  readonly host: string
  readonly server: Server
  /** `METHOD /path` of each request, in order. */
  readonly requests: string[]
  ref(name: string): Reference
}

/** A server of the test's own. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const requests: string[] = []
  const server = createServer((incoming, response) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    listener(incoming, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    server,
    requests,
    ref: (name) => parseReference(`${host}/${name}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Says whether it has dealt with the request itself. */
export type Tamper = (incoming: IncomingMessage, response: ServerResponse, count: number) => boolean | undefined

/** Passes requests on to a real registry, except for those that `tamper` takes. `count` counts requests of the same method and path. */
export async function startTamperer(target: string, tamper: Tamper): Promise<TestServer> {
  const counts = new Map<string, number>()
  return serve((incoming, response) => {
    const name = `${incoming.method} ${incoming.url?.split('?')[0]}`
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    if (tamper(incoming, response, count)) return
    forward(target, incoming, response)
  })
}

export function forward(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  path = incoming.url ?? '/',
): void {
  const { hostname, port } = new URL(`http://${target}`)
  // The Host header is kept, so that upload locations lead back through here.
  const outgoing = request({
    hostname,
    port,
    method: incoming.method ?? 'GET',
    path,
    headers: incoming.headers,
    agent: false,
  })
  outgoing.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  incoming.on('close', () => incoming.complete || outgoing.destroy())
  incoming.pipe(outgoing)
}

/** Asserts that a call fails with a code; gives the error back. */
export async function fails(call: Promise<unknown>, code: RegistryErrorCode, message?: RegExp): Promise<RegistryError> {
  const error = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  if (!(error instanceof RegistryError)) throw error ?? new Error(`no error, ${code} expected`)
  assert.is(error.code, code, error.message)
  if (message !== undefined) assert.match(error.message, message)
  return error
}
