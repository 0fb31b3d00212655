import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf, hostPlatform } from '@tsbuild/spec'
import {
  baseRegistryProblem,
  command,
  registryProblem,
  startBaseRegistry,
  startRegistry,
  tests,
} from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cachedSteps, rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const auth = { user: 'me', password: 'a-secret-word' }
const skip = rootSkip() ?? baseRegistryProblem() ?? registryProblem({ auth })

tests('registries that ask who we are, or lie', (test) => {
  test(
    'push and FROM take credentials from the docker config, and wrong ones are named without being shown',
    async () => {
      await using registry = await startRegistry({ auth })
      await using work = await workspace()
      const config = join(work.path, 'docker')
      await mkdir(config)
      const login = async (password: string) => {
        const entry = { auth: Buffer.from(`${auth.user}:${password}`).toString('base64') }
        await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: entry } }))
      }
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const push = () =>
        work.tsbuild(['build', '-t', `${registry.host}/a/b`, '--push', work.context], {
          env: { DOCKER_CONFIG: config },
        })
      await login('wrong-word')
      const refused = await push()
      assert.is(refused.code, 1)
      assert.match(refused.stderr, /unauthorized|credentials|401/i)
      assert.not.match(refused.stderr, /wrong-word|bWU6/)
      await login(auth.password)
      assert.is((await push()).code, 0)
      await work.write({ Dockerfile: `FROM ${registry.host}/a/b\nLABEL a=b\n` })
      const env = { DOCKER_CONFIG: config, TSBUILD_ROOT: join(work.path, 'other') }
      const pulled = await work.tsbuild(['build', work.context], { env })
      assert.is(pulled.code, 0, pulled.stderr)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'a base image whose layer was tampered with is refused, and fetched once it is mended',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN true\n` })
      const inspected = JSON.parse(
        await command('skopeo', ['inspect', '--tls-verify=false', `docker://${registry.images.busybox}`]),
      ) as { Layers: string[] }
      const hex = (inspected.Layers[0] ?? '').replace('sha256:', '')
      const blob = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
      const good = await readFile(blob)
      for (const bad of [flipped(good), good.subarray(0, good.length / 2)]) {
        await writeFile(blob, bad)
        const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', work.context])
        assert.is(code, 1)
        assert.match(stderr, /digest|truncated|bytes|shorter|size/i)
        assert.equal(await readdir(join(work.root, 'ingest')), [])
      }
      await writeFile(blob, good)
      const mended = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(mended.code, 0, mended.stderr)
    },
    { skip, timeoutMs: 120_000 },
  )
})

tests('base images of other makers', (test) => {
  test(
    'FROM takes layers in zstd, through an index of several platforms, and by digest',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const plain = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false']
      const zstd = `${registry.host}/zstd:latest`
      const layout = join(work.path, 'layout')
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nLABEL a=b\n` })
      await work.ok([
        'build',
        '-o',
        `type=oci,dest=${layout},tar=false,compression=zstd,force-compression=true`,
        work.context,
      ])
      await command('skopeo', [...plain, `oci:${layout}`, `docker://${zstd}`])
      const raw = await command('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${zstd}`])
      assert.match(raw, /tar\+zstd/)
      const index = await pushIndex(registry.url, 'zstd', raw)
      const layers = []
      for (const name of [zstd, `${registry.host}/zstd:index`, `${registry.host}/zstd@${index}`]) {
        const root = join(work.path, `root${layers.length}`)
        await work.write({ Dockerfile: `FROM ${name}\nRUN test -x /bin/busybox\n` })
        await work.ok(['build', '-t', 'x', work.context], { env: { TSBUILD_ROOT: root } })
        layers.push(
          await work.ok(['inspect', '--format', '{{json .RootFS.Layers}}', 'x'], { env: { TSBUILD_ROOT: root } }),
        )
      }
      assert.is(new Set(layers.map((list) => (JSON.parse(list) as string[])[0])).size, 1)
    },
    { skip, timeoutMs: 90_000 },
  )
})

/** Puts an index beside a manifest: another platform first, then ours. */
async function pushIndex(url: string, repository: string, manifest: string): Promise<string> {
  const digest = digestOf(manifest)
  const { mediaType } = JSON.parse(manifest) as { mediaType: string }
  const entry = { mediaType, digest, size: Buffer.byteLength(manifest) }
  const { os, architecture } = hostPlatform()
  const type = 'application/vnd.oci.image.index.v1+json'
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    manifests: [
      { ...entry, platform: { os: 'linux', architecture: 's390x' } },
      { ...entry, platform: { os, architecture } },
    ],
  })
  const headers = { 'content-type': type }
  const { status } = await fetch(`${url}/v2/${repository}/manifests/index`, { method: 'PUT', body, headers })
  assert.is(status, 201)
  return digestOf(body)
}

function flipped(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes)
  out[out.length >> 1] = (out[out.length >> 1] ?? 0) ^ 0xff
  return out
}

tests('other snapshotters and runtimes', (test) => {
  test(
    'on a root folder that cannot hold overlays the build copies plainly, says so, and gives the same layers',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nCOPY --chmod=644 f /f\nRUN rm -rf /var && mkdir /var && echo x > /var/y && ln /f /g\n`,
        f: 'x',
      })
      const layers = async (root: string) => {
        const out = join(work.path, 'out.tar')
        const env = { TSBUILD_ROOT: root }
        await work.ok(['build', '-o', `type=oci,dest=${out}`, work.context], { env })
        const { layersOf } = await import('./oci-tar.js')
        return layersOf(out)
      }
      const place = join(work.path, 'overlaid')
      for (const name of ['lower', 'upper', 'work', 'overlaid']) await mkdir(join(work.path, name))
      const options = `lowerdir=${work.path}/lower,upperdir=${work.path}/upper,workdir=${work.path}/work`
      await command('mount', ['-t', 'overlay', 'overlay', '-o', options, place])
      try {
        const native = join(place, 'root')
        assert.equal(await layers(native), await layers(work.root))
        const info = await work.ok(['info'], { env: { TSBUILD_ROOT: native } })
        assert.match(info, /native/)
        assert.match(info, /overlay/i)
      } finally {
        await command('umount', ['-l', place])
      }
    },
    { skip, timeoutMs: 120_000 },
  )

  test(
    '--runtime oci builds with runc or crun, into the same cache',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN id -u > /id && cat /id\n` })
      const first = await work.tsbuild(['build', '--progress', 'plain', '--runtime', 'oci', work.context])
      assert.is(first.code, 0, first.stderr)
      const second = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(cachedSteps(second.stderr).length, 2)
    },
    { skip, timeoutMs: 60_000 },
  )
})
