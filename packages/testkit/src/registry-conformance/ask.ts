import { randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { canonicalJson, type Descriptor, digestOf, type JsonValue, mediaTypes } from '@tsbuild/spec'
import * as assert from 'uvu/assert'

/** A registry to hold against the distribution spec; it allows deleting and asks for no password. */
export interface RegistryUnderTest extends AsyncDisposable {
  /** e.g. `http://127.0.0.1:5000` */
  readonly url: string
}

export type OpenRegistry = () => Promise<RegistryUnderTest>

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

/** One request; redirects are not followed. `path` may be a URL that the registry named. */
export function ask(
  { url }: RegistryUnderTest,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
): Promise<Answer> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const length =
    bytes === undefined
      ? method === 'GET' || method === 'HEAD'
        ? {}
        : { 'content-length': '0' }
      : { 'content-length': String(bytes.length) }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(new URL(path, url), { method, headers: { ...length, ...headers }, agent: false })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    outgoing.end(bytes)
  })
}

/** What an answer must be. */
export interface Expected {
  readonly status: number | readonly number[]
  /** Header → value. */
  readonly headers?: Readonly<Record<string, string | RegExp>>
  /** Code in the error's body. */
  readonly code?: string
  readonly body?: Uint8Array
}

export function holds(answer: Answer, { status, headers = {}, code, body }: Expected, title: string): void {
  const text = `${title}: ${answer.status} ${answer.body.toString('utf8').slice(0, 300)}`
  assert.ok([status].flat().includes(answer.status), `${text}, expected ${status}`)
  for (const [name, value] of Object.entries(headers)) {
    const given = String(answer.headers[name])
    if (typeof value === 'string') assert.is(given, value, `${title}: ${name}`)
    else assert.match(given, value, `${title}: ${name}`)
  }
  if (code !== undefined) assert.is(jsonOf<{ errors?: { code: string }[] }>(answer).errors?.[0]?.code, code, text)
  if (body !== undefined) assert.ok(answer.body.equals(body), `${title}: the body is another one`)
}

export function jsonOf<Value>({ body }: Answer): Value {
  return JSON.parse(body.toString('utf8')) as Value
}

/** Where the registry says that an upload goes on, with its digest. */
export function closing(location: string | undefined, digest: string): string {
  const url = location ?? ''
  return `${url}${url.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
}

export async function begin(registry: RegistryUnderTest, repository: string): Promise<string> {
  const answer = await ask(registry, `/v2/${repository}/blobs/uploads/`, { method: 'POST' })
  holds(answer, { status: 202, headers: { location: /./ } }, 'POST uploads')
  return answer.headers.location ?? ''
}

export async function pushBlob(
  registry: RegistryUnderTest,
  repository: string,
  bytes: Uint8Array = randomBytes(2000),
  mediaType: string = mediaTypes.ociLayerGzip,
): Promise<Descriptor> {
  const digest = digestOf(bytes)
  const location = await begin(registry, repository)
  const answer = await ask(registry, closing(location, digest), { method: 'PUT', body: bytes })
  holds(answer, { status: 201 }, 'PUT blob')
  return { mediaType, digest, size: bytes.length }
}

export interface TestManifest {
  readonly bytes: Buffer
  readonly mediaType: string
  readonly digest: string
  readonly config: Descriptor
  readonly layer: Descriptor
}

/** A manifest whose config and layer are in the repository. */
export async function imageIn(
  registry: RegistryUnderTest,
  repository: string,
  mediaType: string = mediaTypes.ociManifest,
  more: Readonly<Record<string, JsonValue>> = {},
): Promise<TestManifest> {
  const docker = mediaType === mediaTypes.dockerManifest
  const json = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', id: randomBytes(8).toString('hex') }))
  const config = await pushBlob(registry, repository, json, docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig)
  const layer = await pushBlob(
    registry,
    repository,
    undefined,
    docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip,
  )
  const value = { schemaVersion: 2, mediaType, config, layers: [layer], ...more } as unknown as JsonValue
  const bytes = Buffer.from(canonicalJson(value))
  return { bytes, mediaType, digest: digestOf(bytes), config, layer }
}

export function putManifest(
  registry: RegistryUnderTest,
  repository: string,
  reference: string,
  bytes: Uint8Array,
  mediaType: string,
): Promise<Answer> {
  const headers = { 'content-type': mediaType }
  return ask(registry, `/v2/${repository}/manifests/${reference}`, { method: 'PUT', body: bytes, headers })
}

/** Pushes an image under a tag. */
export async function pushImage(
  registry: RegistryUnderTest,
  repository: string,
  tag: string,
  mediaType?: string,
  more?: Readonly<Record<string, JsonValue>>,
): Promise<TestManifest> {
  const image = await imageIn(registry, repository, mediaType, more)
  holds(await putManifest(registry, repository, tag, image.bytes, image.mediaType), { status: 201 }, `PUT ${tag}`)
  return image
}
