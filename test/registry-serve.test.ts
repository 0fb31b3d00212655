import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { canonicalJson, digestOf, type JsonValue, mediaTypes } from '@tsbuild/spec'
import { command, findProgram, makeCertificate, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { dockerdProblem, startDockerd } from './dockerd.js'
import { rootSkip } from './progress.js'
import { serveRegistryCli } from './served-registry.js'
import { workspace } from './workspace.js'

const missing = (program: string) =>
  rootSkip() ?? (findProgram(program) === undefined ? `${program} is not installed` : undefined)

/** The password of `me` is `secret`. */
const users = 'me:$2y$05$TUy2rBWxw1IsJCIUglonzeqx.6no3aoF75icssAaTDvrEx6QTBJ3m\n'

/** An image as an OCI layout: one layer with one file; returns the manifest's digest. */
async function makeLayout(directory: string): Promise<string> {
  const files = join(directory, 'files')
  await mkdir(files, { recursive: true })
  await writeFile(join(files, 'hello'), randomBytes(300_000))
  await command('tar', ['-cf', join(directory, 'layer.tar'), '-C', files, 'hello'])
  const layout = join(directory, 'layout')
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
  const add = async (bytes: Uint8Array, mediaType: string) => {
    const digest = digestOf(bytes)
    await writeFile(join(layout, 'blobs/sha256', digest.slice(7)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const json = (value: object) => Buffer.from(canonicalJson(value as JsonValue))
  const tar = await readFile(join(directory, 'layer.tar'))
  const layer = await add(gzipSync(tar), mediaTypes.ociLayerGzip)
  const rootfs = { type: 'layers', diff_ids: [digestOf(tar)] }
  const config = await add(
    json({ architecture: 'amd64', os: 'linux', config: {}, rootfs, history: [] }),
    mediaTypes.ociConfig,
  )
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] }
  const manifest = await add(json(image), mediaTypes.ociManifest)
  const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }
  await writeFile(
    join(layout, 'index.json'),
    json({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [named] }),
  )
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  return manifest.digest
}

async function ask(url: string, method: string, body?: Uint8Array, headers: Record<string, string> = {}) {
  const sized = { 'content-length': String(body?.length ?? 0) }
  const outgoing = request(url, { method, headers: { ...sized, ...headers }, agent: false }).end(body)
  const [response] = await once(outgoing, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode as number, headers: response.headers, body: Buffer.concat(chunks) }
}

tests('tsbuild registry serve', (test) => {
  test(
    'skopeo copies images there and back, lists and deletes tags',
    async () => {
      await using dir = await tempDir('tsbuild-serve-')
      const digest = await makeLayout(dir.path)
      await using served = await serveRegistryCli(join(dir.path, 'root'), ['--delete'])
      const name = `docker://${served.host}/team/app`
      const plain = { from: '--src-tls-verify=false', to: '--dest-tls-verify=false', at: '--tls-verify=false' }
      await command('skopeo', ['copy', plain.to, `oci:${dir.path}/layout:latest`, `${name}:one`])
      await command('skopeo', ['copy', plain.from, plain.to, `${name}:one`, `${name}:two`])
      await command('skopeo', ['copy', plain.to, '--format', 'v2s2', `oci:${dir.path}/layout:latest`, `${name}:docker`])
      await command('skopeo', ['copy', plain.from, `${name}:docker`, `dir:${dir.path}/docker`])
      await command('skopeo', ['copy', plain.from, '--preserve-digests', `${name}:two`, `oci:${dir.path}/back:latest`])
      const inspected = JSON.parse(await command('skopeo', ['inspect', plain.at, `${name}:two`]))
      assert.is(inspected.Digest, digest)
      const listed = JSON.parse(await command('skopeo', ['list-tags', plain.at, name]))
      assert.equal(listed.Tags, ['docker', 'one', 'two'])
      const blobs = await readdir(join(dir.path, 'back/blobs/sha256'))
      assert.ok(blobs.includes(digest.slice(7)))
      await command('skopeo', ['delete', plain.at, `${name}:two`])
      const left = JSON.parse(await command('skopeo', ['list-tags', plain.at, name]))
      assert.equal(left.Tags, ['docker'])
    },
    { skip: missing('skopeo'), timeoutMs: 120_000 },
  )

  test(
    'docker pushes and pulls, without and with a password',
    async () => {
      await using dir = await tempDir('tsbuild-serve-')
      await makeLayout(dir.path)
      await using dockerd = await startDockerd()
      for (const kind of ['open', 'closed', 'open to read'] as const) {
        const file = join(dir.path, 'users')
        await writeFile(file, users)
        const args = kind === 'open' ? [] : ['--htpasswd', file, ...(kind === 'closed' ? [] : ['--anonymous-pull'])]
        await using served = await serveRegistryCli(join(dir.path, kind), args)
        const config = join(dir.path, `docker of ${kind}`)
        const docker = (...words: string[]) => dockerd.docker(['--config', config, ...words])
        const name = `${served.host}/team/app:1`
        await docker('import', join(dir.path, 'layer.tar'), name)
        if (kind !== 'open') {
          const refused = await docker('push', name).catch((error: { stderr: string }) => error.stderr)
          assert.match(refused, /unauthorized|no basic auth|denied/, kind)
          await docker('login', '-u', 'me', '-p', 'secret', served.host)
        }
        assert.match(await docker('push', name), /digest: sha256:/, kind)
        const id = (await docker('image', 'inspect', '-f', '{{.Id}}', name)).trim()
        await docker('tag', name, `${served.host}/other/app:2`)
        assert.match(await docker('push', `${served.host}/other/app:2`), /Mounted from team\/app/, kind)
        await docker('rmi', name, `${served.host}/other/app:2`)
        if (kind === 'open to read') await docker('logout', served.host)
        await docker('pull', name)
        assert.is((await docker('image', 'inspect', '-f', '{{.Id}}', name)).trim(), id, kind)
        await docker('rmi', name)
        assert.not.match(served.stderr(), /secret|bWU6/)
      }
    },
    { skip: rootSkip() ?? dockerdProblem(), timeoutMs: 240_000 },
  )

  test(
    'podman pushes and pulls, with a password and by TLS',
    async () => {
      await using dir = await tempDir('tsbuild-serve-')
      await makeLayout(dir.path)
      await makeCertificate(dir.path, 'tls')
      await writeFile(join(dir.path, 'users'), users)
      const certs = join(dir.path, 'certs')
      await mkdir(certs)
      await command('cp', [join(dir.path, 'tls.crt'), join(certs, 'ca.crt')])
      const tls = ['--tls-cert', join(dir.path, 'tls.crt'), '--tls-key', join(dir.path, 'tls.key')]
      await using served = await serveRegistryCli(join(dir.path, 'root'), [
        ...tls,
        '--htpasswd',
        join(dir.path, 'users'),
      ])
      assert.match(served.url, /^https:/)
      const store = ['--root', join(dir.path, 'store'), '--runroot', join(dir.path, 'run'), '--storage-driver', 'vfs']
      const podman = (...words: string[]) => command('podman', [...store, ...words])
      const name = `${served.host}/team/app:1`
      const access = ['--creds', 'me:secret', '--cert-dir', certs]
      await podman('import', join(dir.path, 'layer.tar'), name)
      await podman('push', ...access, name)
      await podman('push', ...access, '--format', 'v2s2', name, `docker://${served.host}/team/app:docker`)
      const id = (await podman('image', 'inspect', '-f', '{{.Id}}', name)).trim()
      await podman('rmi', name)
      await podman('pull', ...access, name)
      assert.is((await podman('image', 'inspect', '-f', '{{.Id}}', name)).trim(), id)
      const refused = await podman('pull', '--creds', 'me:wrong', '--cert-dir', certs, name).catch(String)
      assert.match(refused, /unauthorized|authentication required|invalid username/)
      await podman('rmi', '--all', '--force')
    },
    { skip: missing('podman') ?? missing('openssl'), timeoutMs: 120_000 },
  )

  test(
    'an upload survives a kill -9, and goes on where it stopped',
    async () => {
      await using dir = await tempDir('tsbuild-serve-')
      const root = join(dir.path, 'root')
      const bytes = randomBytes(6_000_000)
      const digest = digestOf(bytes)
      let location = ''
      {
        await using served = await serveRegistryCli(root)
        const begun = await ask(`${served.url}/v2/app/blobs/uploads/`, 'POST')
        location = String(begun.headers.location)
        const half = request(`${served.url}${location}`, {
          method: 'PATCH',
          headers: { 'content-length': String(bytes.length) },
        })
        half.on('error', () => {})
        half.write(bytes.subarray(0, 4_000_000))
        const file = join(root, 'uploads', location.slice(location.lastIndexOf('/') + 1))
        while ((await stat(file)).size === 0) await new Promise(setImmediate)
        assert.equal(await served.end('SIGKILL'), { code: null, signal: 'SIGKILL' })
      }
      await using served = await serveRegistryCli(root)
      assert.is((await ask(`${served.url}/v2/app/blobs/${digest}`, 'GET')).status, 404, 'nothing torn is served')
      const early = await ask(`${served.url}${location}?digest=${digest}`, 'PUT')
      assert.is(early.status, 400, 'nothing torn is taken')
      assert.is((await ask(`${served.url}${location}`, 'GET')).status, 404)
      const again = String((await ask(`${served.url}/v2/app/blobs/uploads/`, 'POST')).headers.location)
      await ask(`${served.url}${again}`, 'PATCH', bytes.subarray(0, 2_000_000))
      assert.equal(await served.end('SIGKILL'), { code: null, signal: 'SIGKILL' })
      await using last = await serveRegistryCli(root)
      const status = await ask(`${last.url}${again}`, 'GET')
      assert.equal([status.status, status.headers.range], [204, '0-1999999'])
      const headers = { 'content-range': `2000000-${bytes.length - 1}` }
      const done = await ask(`${last.url}${again}?digest=${digest}`, 'PUT', bytes.subarray(2_000_000), headers)
      assert.is(done.status, 201)
      assert.ok((await ask(`${last.url}/v2/app/blobs/${digest}`, 'GET')).body.equals(bytes))
      assert.equal(await readdir(join(root, 'uploads')), [])
    },
    { skip: rootSkip(), timeoutMs: 60_000 },
  )

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(
      `${signal} lets a download end, and the program exits with 0`,
      async () => {
        await using dir = await tempDir('tsbuild-serve-')
        await using served = await serveRegistryCli(join(dir.path, 'root'))
        const bytes = randomBytes(20_000_000)
        const path = `${served.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`
        assert.is((await ask(path, 'POST', bytes)).status, 201)
        const outgoing = request(`${served.url}/v2/app/blobs/${digestOf(bytes)}`, { agent: false }).end()
        const [response] = await once(outgoing, 'response')
        const ended = served.end(signal)
        let came = 0
        for await (const chunk of response) came += (chunk as Buffer).length
        assert.is(came, bytes.length)
        assert.equal(await ended, { code: 0, signal: null })
        assert.match(served.stderr(), /^\S+Z 127\.0\.0\.1 - POST \/v2\/app\/blobs\/uploads\/ 201 0 \d+ms ""$/m)
      },
      { timeoutMs: 60_000 },
    )
  }

  test('a port in use is named', async () => {
    await using work = await workspace()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const taken = await work.tsbuild(['registry', 'serve', '--listen', `127.0.0.1:${port}`])
    other.close()
    assert.is(taken.code, 1)
    assert.match(taken.stderr, new RegExp(`^ERROR: Cannot listen on "127.0.0.1:${port}": the port is in use\nHint: `))
  })

  test(
    'the example serves a registry in a program, and pushes what it builds to it',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const program = fileURLToPath(new URL('../../examples/library/dist/registry.js', import.meta.url))
      const served = join(work.path, 'served')
      const env = { ...process.env, TSBUILD_ROOT: work.root }
      const told = await command(process.execPath, [program, work.context, served], { env })
      assert.match(told, /^PUT \/v2\/app\/manifests\/latest 201$/m)
      const digest = /^127\.0\.0\.1:\d+\/app:latest (sha256:\w+)$/m.exec(told)?.[1] ?? told
      await using again = await serveRegistryCli(served, ['--readonly'])
      const manifest = await ask(`${again.url}/v2/app/manifests/latest`, 'GET')
      assert.is(manifest.headers['docker-content-digest'], digest)
    },
    { skip: rootSkip(), timeoutMs: 60_000 },
  )

  test('two servers share one root folder', async () => {
    await using dir = await tempDir('tsbuild-serve-')
    const root = join(dir.path, 'root')
    await using one = await serveRegistryCli(root)
    await using two = await serveRegistryCli(root, ['--log', 'none'])
    const bytes = randomBytes(1000)
    const begun = await ask(`${one.url}/v2/app/blobs/uploads/`, 'POST')
    const location = String(begun.headers.location)
    assert.is((await ask(`${two.url}${location}`, 'PATCH', bytes)).status, 404, 'it is the other one that has it')
    assert.is((await ask(`${one.url}${location}?digest=${digestOf(bytes)}`, 'PUT', bytes)).status, 201)
    const blob = `/v2/app/blobs/${digestOf(bytes)}`
    const got = await ask(`${two.url}${blob}`, 'GET')
    assert.ok(got.body.equals(bytes))
    await two.end('SIGTERM')
    assert.not.match(two.stderr(), /GET/)
  })
})
