import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Descriptor, ImageConfig, ImageIndex, ImageManifest } from '@tsbuild/spec'
import { mediaTypes } from '@tsbuild/spec'
import { baseRegistryProblem, command, findProgram, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const skip = rootSkip()
const registrySkip = skip ?? baseRegistryProblem()

/** An OCI image layout on the disk. */
async function layoutOf(directory: string) {
  const read = async <T>(path: string) => JSON.parse(await readFile(join(directory, path), 'utf8')) as T
  const blob = async <T>({ digest }: Descriptor) => await read<T>(`blobs/${digest.replace(':', '/')}`)
  const { manifests } = await read<ImageIndex>('index.json')
  const [top] = manifests
  if (top === undefined) throw new Error('the layout names nothing')
  return { top, manifests, blob }
}

async function manifestOf(directory: string): Promise<ImageManifest> {
  const { top, blob } = await layoutOf(directory)
  return await blob<ImageManifest>(top)
}

tests('outputs of a build', (test) => {
  test(
    'build --annotation annotates the manifest, and with -o the descriptor that the layout has',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const dest = join(work.path, 'layout')
      const output = `type=oci,tar=false,dest=${dest},annotation.own=2,annotation-manifest-descriptor.d=3,name=a:1`
      await work.ok([
        'build',
        '--annotation',
        'all=1',
        '--annotation',
        'own=0',
        '-t',
        'app',
        '-o',
        output,
        work.context,
      ])
      assert.equal((await manifestOf(dest)).annotations, { all: '1', own: '2' })
      const { top } = await layoutOf(dest)
      assert.equal([top.annotations?.d, top.annotations?.['io.containerd.image.name']], ['3', 'docker.io/library/a:1'])
      const shown = JSON.parse(await work.ok(['inspect', '--format', '{{json .}}', 'app'])) as { readonly Id?: string }
      assert.ok(shown.Id !== undefined)
      const refused = await work.tsbuild(['build', '--annotation', 'index:a=b', work.context])
      assert.match(refused.stderr, /Cannot annotate with "a": an image for one platform has no index/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build --platform a,b builds each and writes an index, folders, and nothing that can hold one only',
    async () => {
      await using work = await workspace()
      await work.write({
        Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\nENV FOR=$TARGETARCH\n',
        amd64: 'amd64',
        s390x: 's390x',
      })
      const dest = join(work.path, 'layout')
      const platform = ['--platform', 'linux/amd64,linux/s390x']
      const annotations = ['--annotation', 'index:i=1', '--annotation', 'manifest[linux/s390x]:m=2']
      const oci = ['-o', `type=oci,tar=false,dest=${dest}`, '-o', join(work.path, 'files')]
      await work.ok(['build', ...platform, ...annotations, '-t', 'app:1', ...oci, work.context])
      const { top, blob } = await layoutOf(dest)
      assert.is(top.mediaType, mediaTypes.ociIndex)
      const index = await blob<ImageIndex>(top)
      assert.equal(index.annotations, { i: '1' })
      const found = await Promise.all(
        index.manifests.map(async (descriptor) => {
          const manifest = await blob<ImageManifest>(descriptor)
          const config = await blob<ImageConfig>(manifest.config)
          const variable = config.config?.Env?.find((item) => item.startsWith('FOR='))
          return [descriptor.platform?.architecture, config.architecture, variable, manifest.annotations?.m]
        }),
      )
      assert.equal(found, [
        ['amd64', 'amd64', 'FOR=amd64', undefined],
        ['s390x', 's390x', 'FOR=s390x', '2'],
      ])
      for (const arch of ['amd64', 's390x'])
        assert.is(await readFile(join(work.path, 'files', `linux_${arch}`, 'arch'), 'utf8'), arch)
      for (const output of [[], ['-o', `type=docker,dest=${join(work.path, 'x')}`]]) {
        const refused = await work.tsbuild(['build', ...platform, '-t', 'app:1', ...output, work.context])
        assert.match(refused.stderr, /Cannot write several platforms: .* holds one/)
        assert.is(refused.code, 1)
      }
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build --push sends an index of several platforms, and other compressions and media types as they are asked for',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nCOPY Dockerfile /\n` })
      const host = registry.images.busybox.split('/')[0] ?? ''
      const inspect = async (name: string) =>
        JSON.parse(
          await command('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`]),
        ) as ImageManifest & ImageIndex
      const push = async (tag: string, keys: string) => {
        await work.ok(['build', '-o', `type=registry,name=${host}/app:${tag}${keys}`, work.context])
        return await inspect(`${host}/app:${tag}`)
      }
      const plain = await push('plain', '')
      const base = plain.layers.length - 1
      const typesOf = ({ layers }: ImageManifest) => layers.map(({ mediaType }) => mediaType)
      const docker = await push('docker', ',oci-mediatypes=false')
      assert.equal(
        [docker.mediaType, docker.config.mediaType, typesOf(docker)],
        [mediaTypes.dockerManifest, mediaTypes.dockerConfig, plain.layers.map(() => mediaTypes.dockerLayerGzip)],
      )
      const zstd = await push('zstd', ',compression=zstd,compression-level=19')
      assert.equal(typesOf(zstd).slice(base), [mediaTypes.ociLayerZstd])
      assert.equal(zstd.layers.slice(0, base), plain.layers.slice(0, base))
      const forced = await push('forced', ',compression=zstd,force-compression=true')
      assert.equal(
        typesOf(forced),
        plain.layers.map(() => mediaTypes.ociLayerZstd),
      )
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const several = ['--platform', 'linux/arm64', '--platform', 'linux/amd64', '-t', `${host}/several:1`, '--push']
      await work.ok(['build', ...several, work.context])
      const index = await inspect(`${host}/several:1`)
      assert.equal(
        index.manifests.map(({ platform }) => platform?.architecture),
        ['arm64', 'amd64'],
      )
      const { digest = '' } = index.manifests[0] ?? {}
      assert.is((await inspect(`${host}/several@${digest}`)).layers.length, 1)
    },
    {
      skip: registrySkip ?? (findProgram('skopeo') === undefined ? 'skopeo is not installed' : undefined),
      timeoutMs: 120_000,
    },
  )

  test(
    'an output may have its own time, or leave those of files',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'ARG SOURCE_DATE_EPOCH=1445412480\nFROM scratch\nCOPY Dockerfile /\n' })
      const build = async (keys: string) => {
        const dest = join(work.path, 'layout')
        await mkdir(dest, { recursive: true })
        await work.ok(['build', '-o', `type=oci,tar=false,dest=${dest}${keys}`, work.context])
        const manifest = await manifestOf(dest)
        const { created } = await (await layoutOf(dest)).blob<ImageConfig>(manifest.config)
        return [created, manifest.layers[0]?.annotations?.['buildkit/rewritten-timestamp']]
      }
      assert.equal(await build(''), ['2015-10-21T07:28:00Z', undefined])
      assert.equal(await build(',rewrite-timestamp=true'), ['2015-10-21T07:28:00Z', '1445412480'])
      assert.equal(await build(',source-date-epoch=60,rewrite-timestamp=true'), ['1970-01-01T00:01:00Z', '60'])
      assert.equal(await build(',source-date-epoch=,rewrite-timestamp=true'), ['2015-10-21T07:28:00Z', undefined])
    },
    { skip, timeoutMs: 60_000 },
  )
})
