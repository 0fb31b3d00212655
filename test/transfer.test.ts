import { randomBytes } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf as sha256 } from '@tsbuild/spec'
import { command, type RegistryServer, registryProblem, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { received, startHoldProxy } from './hold-proxy.js'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? registryProblem()
const options = { skip, timeoutMs: 60_000 }

/** An image with two layers of random bytes, built and pushed to `host`. */
async function pushedImage(work: Workspace, host: string, name = 'app', bytes = 400_000): Promise<string> {
  await work.write({ Dockerfile: 'FROM scratch\nCOPY a /\nCOPY b /\nLABEL x=y\n', b: 'small' })
  await writeFile(join(work.context, 'a'), randomBytes(bytes))
  const image = `${host}/${name}:1`
  await work.ok(['build', '-t', image, work.context])
  await work.ok(['push', image])
  return image
}

const digestOf = (text: string) => /sha256:[0-9a-f]{64}/.exec(text)?.[0]
const inRoot = (work: Workspace, name: string) => ({ env: { TSBUILD_ROOT: join(work.path, name) } })

interface Served extends AsyncDisposable {
  readonly registry: RegistryServer
  readonly work: Workspace
  /** Environment of another root folder. */
  readonly env: ReturnType<typeof inRoot>
}

async function served(): Promise<Served> {
  const registry = await startRegistry()
  const work = await workspace().catch(async (error) => {
    await registry[Symbol.asyncDispose]()
    throw error
  })
  return {
    registry,
    work,
    env: inRoot(work, 'other'),
    async [Symbol.asyncDispose]() {
      await work[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

/** The manifest's digest, as others see it. */
async function digestSeen(image: string): Promise<string> {
  const text = await command('skopeo', ['inspect', '--tls-verify=false', `docker://${image}`])
  return (JSON.parse(text) as { Digest: string }).Digest
}

tests('tsbuild pull', (test) => {
  test(
    'pull fetches an image once, tells its digest, and another root builds on it without network',
    async () => {
      await using work = await workspace()
      const env = inRoot(work, 'other')
      let image = ''
      {
        await using registry = await startRegistry()
        image = await pushedImage(work, registry.host)
        const first = await work.tsbuild(['pull', image], env)
        assert.is(first.code, 0, first.stderr)
        const digest = await digestSeen(image)
        const told = (status: string) => `Digest: ${digest}\nStatus: ${status} ${image}\n${image}\n`
        assert.is(first.stdout, told('Downloaded newer image for'))
        assert.match(first.stderr, /^1: Pulling from app\n/)
        for (const state of [
          'Pulling fs layer',
          'Downloading',
          'Verifying Checksum',
          'Download complete',
          'Pull complete',
        ])
          assert.is(first.stderr.split(`: ${state}\n`).length - 1, 2, state)
        const again = await work.tsbuild(['pull', image], env)
        assert.is(again.stdout, told('Image is up to date for'))
        assert.is(again.stderr.split(': Already exists\n').length - 1, 2)
        assert.is(await work.ok(['pull', '-q', image], env), image)
        const pinned = `${registry.host}/app@${digest}`
        assert.is(await work.ok(['pull', '-q', pinned], env), pinned)
      }
      await work.write({ Dockerfile: `FROM ${image}\nLABEL more=1\n` })
      await work.ok(['build', work.context], env)
    },
    options,
  )

  test(
    'pull --platform chooses from an index, and refuses an image without one for another platform',
    async () => {
      await using all = await served()
      const { registry, work, env } = all
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const name = `${registry.host}/multi`
      for (const architecture of ['s390x', 'riscv64']) {
        const image = `${name}:${architecture}`
        await work.ok(['build', '--platform', `linux/${architecture}`, '-t', image, work.context])
        await work.ok(['push', image])
      }
      const wrong = await work.tsbuild(['pull', '--platform', 'linux/arm64', `${name}:s390x`], env)
      assert.is(wrong.code, 1)
      assert.match(wrong.stderr, /it is for linux\/s390x, not linux\/arm64/)
      assert.is(await work.ok(['images', '-q'], env), '')
      await work.ok(['pull', `${name}:s390x`], env)
      const index = await putIndex(`${registry.url}/v2/multi/manifests`, ['s390x', 'riscv64'])
      const pull = (platform: string) => work.tsbuild(['pull', '--platform', platform, `${name}:index`], env)
      for (const platform of ['linux/s390x', 'linux/riscv64']) {
        const pulled = await pull(platform)
        assert.is(pulled.code, 0, pulled.stderr)
        assert.is(digestOf(pulled.stdout), index)
        const shown = await work.ok(['inspect', '--format', '{{.Os}}/{{.Architecture}}', `${name}:index`], env)
        assert.is(shown, platform)
      }
      assert.match((await pull('linux/arm64')).stderr, /no image for linux\/arm64\nHint: There is linux\/s390x/)
      const pinned = `${name}@${index}`
      assert.is(await work.ok(['pull', '-q', '--platform', 'linux/s390x', pinned], env), pinned)
    },
    options,
  )

  test(
    'pull that was interrupted, by Ctrl-C or kill -9, leaves no name, and the next one goes on where it stopped',
    async () => {
      await using all = await served()
      const { registry, work } = all
      await using proxy = await startHoldProxy(registry.port)
      await pushedImage(work, registry.host)
      const image = `${proxy.host}/app:1`
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        const root = join(work.path, signal)
        const env = { env: { TSBUILD_ROOT: root } }
        proxy.holdAfter = 200_000
        const ended = await work.tsbuild(['pull', image], {
          ...env,
          onStart: (child) => void received(root, 200_000).then(() => child.kill(signal)),
        })
        assert.equal([ended.code, ended.signal], signal === 'SIGINT' ? [130, null] : [null, 'SIGKILL'], ended.stderr)
        if (signal === 'SIGINT') assert.equal(await readdir(join(root, 'ingest')), [])
        assert.is(await work.ok(['images', '-q'], env), '')
        proxy.holdAfter = undefined
        proxy.requests.length = 0
        await work.ok(['pull', image], env)
        assert.ok(
          proxy.requests.some((line) => line.endsWith(' bytes=200000-')),
          proxy.requests.join('\n'),
        )
        assert.equal([await readdir(join(root, 'ingest')), await readdir(join(root, 'partial'))], [[], []])
      }
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'two pulls of one image at once fetch each layer once',
    async () => {
      await using all = await served()
      const { registry, work } = all
      await using proxy = await startHoldProxy(registry.port)
      await pushedImage(work, registry.host)
      const image = `${proxy.host}/app:1`
      const env = inRoot(work, 'shared')
      const ended = await Promise.all([work.tsbuild(['pull', image], env), work.tsbuild(['pull', image], env)])
      for (const { code, stderr } of ended) assert.is(code, 0, stderr)
      const config = await work.ok(['inspect', '--format', '{{.Id}}', image], env)
      const blobs = proxy.requests.filter((line) => line.includes('/blobs/') && !line.includes(config))
      assert.is(blobs.length, new Set(blobs).size, blobs.join('\n'))
    },
    options,
  )

  test(
    'pull -a brings every tag of a repository',
    async () => {
      await using all = await served()
      const { registry, work, env } = all
      const image = await pushedImage(work, registry.host)
      await work.ok(['tag', image, `${registry.host}/app:2`])
      await work.ok(['push', '-q', `${registry.host}/app:2`])
      const stdout = await work.ok(['pull', '-a', `${registry.host}/app`], env)
      assert.match(stdout, new RegExp(`Status: Downloaded newer image for ${registry.host}/app\n`))
      assert.is((await work.ok(['images', '--format', '{{.Tag}}'], env)).split('\n').sort().join(), '1,2')
      const refused = await work.tsbuild(['pull', '-a', image], env)
      assert.match(refused.stderr, /the name has one already/)
    },
    options,
  )

  test(
    'pull of a layer that is not what its manifest says fails, names nothing, and leaves the old image',
    async () => {
      await using all = await served()
      const { registry, work, env } = all
      const image = await pushedImage(work, registry.host)
      const old = digestOf(await work.ok(['pull', image], env))
      await pushedImage(work, registry.host)
      await damageLayers(registry.storage)
      const { code, stderr } = await work.tsbuild(['pull', image], env)
      assert.is(code, 1)
      assert.match(stderr, /its bytes have another digest/)
      assert.is(await work.ok(['images', '--digests', '--format', '{{.Digest}}'], env), old)
    },
    options,
  )
})

tests('tsbuild push', (test) => {
  test(
    'push sends what is missing, mounts what another repository has, and tells the digest that others see',
    async () => {
      await using all = await served()
      const { registry, work } = all
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\nCOPY b /\n', b: 'x' })
      const image = `${registry.host}/one/app:1`
      await work.ok(['build', '-t', image, work.context])
      const first = await work.tsbuild(['push', image])
      assert.is(first.code, 0, first.stderr)
      assert.match(first.stderr, new RegExp(`^The push refers to repository \\[${registry.host}/one/app\\]\n`))
      assert.is(first.stderr.split(': Pushed\n').length - 1, 2)
      const digest = await digestSeen(image)
      assert.match(first.stdout, new RegExp(`^1: digest: ${digest} size: \\d+\n$`))
      const again = await work.tsbuild(['push', image])
      assert.is(again.stdout, first.stdout)
      assert.is(again.stderr.split(': Layer already exists\n').length - 1, 2)
      const other = `${registry.host}/two:1`
      await work.ok(['tag', image, other])
      const mounted = await work.tsbuild(['push', other])
      assert.is(mounted.stderr.split(': Mounted from one/app\n').length - 1, 2, mounted.stderr)
      assert.is(digestOf(mounted.stdout), digest)
      assert.is(await work.ok(['push', '-q', other]), other)
      const built = await work.ok(['build', '-o', `type=registry,name=${registry.host}/three:1`, work.context])
      assert.is(built, '')
      assert.is(await digestSeen(`${registry.host}/three:1`), digest)
    },
    options,
  )

  test(
    'push of an image that was pulled sends the very manifest, in docker format, too',
    async () => {
      await using all = await served()
      const { registry, work, env } = all
      const image = await pushedImage(work, registry.host)
      const plain = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false']
      const docker = `${registry.host}/docker:1`
      await command('skopeo', [...plain, '--format', 'v2s2', `docker://${image}`, `docker://${docker}`])
      const pulled = digestOf(await work.ok(['pull', docker], env))
      await using second = await startRegistry()
      const target = `${second.host}/copy/docker:1`
      await work.ok(['tag', docker, target], env)
      assert.is(digestOf(await work.ok(['push', target], env)), pulled)
      await command('skopeo', [...plain, `docker://${target}`, `dir:${join(work.path, 'checked')}`])
    },
    options,
  )

  test(
    'push of an image whose times were cut gives the digest that build --push gives',
    async () => {
      await using all = await served()
      const { registry, work } = all
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const env = { env: { SOURCE_DATE_EPOCH: '1700000000' } }
      const output = (type: string, name: string) => ['-o', `type=${type},name=${name},rewrite-timestamp=true`]
      const image = `${registry.host}/cut:1`
      await work.ok(['build', ...output('image', image), work.context], env)
      const pushed = digestOf(await work.ok(['push', image]))
      await work.ok(['build', ...output('registry', `${registry.host}/cut:2`), work.context], env)
      assert.is(await digestSeen(`${registry.host}/cut:2`), pushed)
    },
    options,
  )

  test(
    'push -a sends every tag; what is not here or has no tag to push is refused',
    async () => {
      await using all = await served()
      const { registry, work } = all
      const image = await pushedImage(work, registry.host)
      const repository = `${registry.host}/all`
      for (const tag of ['a', 'b']) await work.ok(['tag', image, `${repository}:${tag}`])
      const stdout = await work.ok(['push', '--all-tags', repository])
      assert.match(stdout, /^a: digest: sha256:\w+ size: \d+\nb: digest: /)
      const { tags } = (await (await fetch(`${registry.url}/v2/all/tags/list`)).json()) as { tags: string[] }
      assert.equal(tags.sort(), ['a', 'b'])
      const bad: Record<string, RegExp> = {
        [`${repository}:c`]: /no image with this name here\nHint: Did you mean ".*\/all:[ab]"\?/,
        [`${repository}@sha256:${'0'.repeat(64)}`]: /a name with a digest can't be pushed/,
        'UPPER/x:1': /Cannot/,
      }
      for (const [name, why] of Object.entries(bad)) {
        const { code, stderr } = await work.tsbuild(['push', name])
        assert.is(code, 1)
        assert.match(stderr, why)
      }
      const platform = await work.tsbuild(['push', '--platform', 'linux/s390x', image])
      assert.match(platform.stderr, /it is for linux\/\w+, not linux\/s390x/)
    },
    options,
  )
})

tests('configuration file', (test) => {
  test(
    'mirrors of the configuration file are used by pull and build, and mistakes in it are named',
    async () => {
      await using all = await served()
      const { registry, work } = all
      await pushedImage(work, registry.host, 'hub/team/app')
      const config = join(work.path, 'config.json')
      const write = (value: object) => writeFile(config, JSON.stringify(value))
      const env = { env: { TSBUILD_ROOT: join(work.path, 'other'), TSBUILD_CONFIG: config, DOCKER_CONFIG: work.path } }
      await write({ registries: { 'registry.test': { mirrors: [`${registry.host}/hub`] } } })
      assert.is(await work.ok(['pull', '-q', 'registry.test/team/app:1'], env), 'registry.test/team/app:1')
      await work.write({ Dockerfile: 'FROM registry.test/team/app:1\nLABEL z=1\n' })
      await work.ok(['build', '--pull', work.context], env)
      await write({ registries: { 'registry.test': { mirors: [] } } })
      const wrong = await work.tsbuild(['pull', 'registry.test/team/app:1'], env)
      assert.is(wrong.code, 1)
      assert.match(
        wrong.stderr,
        /"mirors" in registries\["registry.test"\] is not known\nHint: Did you mean "mirrors"\?/,
      )
      await work.ok(['images'], env)
    },
    options,
  )
})

async function damageLayers(storage: string): Promise<void> {
  const blobs = join(storage, 'docker/registry/v2/blobs/sha256')
  for (const two of await readdir(blobs))
    for (const hex of await readdir(join(blobs, two))) {
      const path = join(blobs, two, hex, 'data')
      const { size } = await stat(path)
      if (size > 100_000) await writeFile(path, randomBytes(size))
    }
}

/** Puts an index of tagged images under the tag `index`. */
async function putIndex(manifests: string, architectures: readonly string[]): Promise<string> {
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const entries = architectures.map(async (architecture) => {
    const bytes = await (await fetch(`${manifests}/${architecture}`, { headers: { accept } })).text()
    const platform = { os: 'linux', architecture }
    return { mediaType: accept, digest: sha256(bytes), size: Buffer.byteLength(bytes), platform }
  })
  const type = 'application/vnd.oci.image.index.v1+json'
  const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: await Promise.all(entries) })
  const { status } = await fetch(`${manifests}/index`, { method: 'PUT', body, headers: { 'content-type': type } })
  assert.is(status, 201)
  return sha256(body)
}
