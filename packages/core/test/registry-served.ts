import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { type AccessRecord, type RegistryServer, type ServeRegistryOptions, serveRegistry } from '@tsbuild/core'
import { digestOf } from '@tsbuild/spec'
import { type TempDir, tempDir } from '@tsbuild/testkit'

interface Served extends AsyncDisposable {
  readonly server: RegistryServer
  readonly root: TempDir
  readonly records: AccessRecord[]
}

export async function serve(
  options: ServeRegistryOptions = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const root = await tempDir('tsbuild-registry-')
  const records: AccessRecord[] = []
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(root.path, name), text)
    const path = (name: string) => join(root.path, name)
    const auth = options.auth && { ...options.auth, htpasswd: path(options.auth.htpasswd) }
    const onRequest = (record: AccessRecord) => void records.push(record)
    const server = await serveRegistry({ onRequest, ...options, ...(auth && { auth }), root: path('root') })
    const close = async () => {
      await server[Symbol.asyncDispose]()
      await root[Symbol.asyncDispose]()
    }
    return { server, root, records, [Symbol.asyncDispose]: close }
  } catch (error) {
    await root[Symbol.asyncDispose]()
    throw error
  }
}

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export async function send(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
  const sized = body === undefined ? {} : { 'content-length': String(body.length) }
  const outgoing = httpRequest(url, { method, headers: { ...sized, ...headers }, agent: false }).end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

export async function ask(url: string, asked?: Asked) {
  const response = await send(url, asked)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

export async function upload(
  url: string,
  repository: string,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): Promise<number> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`
  return (await ask(`${url}${path}`, { method: 'POST', body: bytes, headers })).status
}

/** Resolves when some of an upload is in its file. */
export async function untilWritten({ root }: Served, location: string): Promise<void> {
  const file = join(root.path, 'root/uploads', location.slice(location.lastIndexOf('/') + 1))
  while ((await stat(file)).size === 0) await new Promise(setImmediate)
}

export const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

/** The password of `me` is `secret`, as `htpasswd -B` hashes it. */
export const users = 'me:$2y$05$TUy2rBWxw1IsJCIUglonzeqx.6no3aoF75icssAaTDvrEx6QTBJ3m\n\n# nobody\n'
