import { execFileSync } from 'node:child_process'
import { chmod, cp, lutimes, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { baseRegistryProblem, command, startBaseRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ImageDigests, imageDigestsOf } from './oci-tar.js'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? baseRegistryProblem()
const epoch = 1_700_000_000

const files = {
  'tree/a.txt': 'a\n',
  'tree/deep/er/b.txt': 'b\n',
  'tree/z': 'z\n',
  one: '1\n',
}

const steps = [
  'WORKDIR /app/dir',
  'COPY tree /copied/into/tree',
  'COPY --link one /linked/one',
  'COPY one .',
  'ADD archive.tar /added/here/',
  'RUN mkdir -p /made/sub && echo x > /made/a && ln /made/a /made/sub/b && ln -s a /made/c && touch /made/d',
  'RUN rm /copied/into/tree/z && chmod 700 /made && echo more >> /app/dir/one',
  'CMD ["true"]',
]

interface Conditions {
  readonly umask: number
  readonly mtime: number
  readonly snapshotter: 'overlay' | 'native'
}

/** A context with always the same files, whatever times and folder they have. */
async function fill(work: Workspace, base: string, mtime: number): Promise<void> {
  await work.write({ ...files, Dockerfile: [`FROM ${base}`, ...steps].join('\n') })
  await mkdir(join(work.context, 'tree/empty'))
  await chmod(join(work.context, 'one'), 0o640)
  await using payload = await tempDir()
  await cp(join(work.context, 'tree'), join(payload.path, 'tree'), { recursive: true })
  execFileSync('ln', [join(payload.path, 'tree/z'), join(payload.path, 'tree/hard')])
  const fixed = ['--sort=name', '--owner=5', '--group=6', '--mtime=@1800000000', '--mode=u+rwX,go=rX']
  execFileSync('tar', ['-C', payload.path, ...fixed, '-cf', join(work.context, 'archive.tar'), 'tree'])
  for (const name of await readdir(work.context, { recursive: true })) {
    await lutimes(join(work.context, name), mtime, mtime)
  }
}

async function buildUnder(work: Workspace, { umask, snapshotter }: Conditions, spec: string): Promise<ImageDigests> {
  const tar = join(work.path, 'image.tar')
  const before = process.umask(umask)
  try {
    const output = `type=oci,dest=${tar}${spec}`
    const env = { SOURCE_DATE_EPOCH: String(epoch) }
    await work.ok(['build', '--snapshotter', snapshotter, '-o', output, work.context], { env })
  } finally {
    process.umask(before)
  }
  return await imageDigestsOf(tar)
}

tests('reproducible builds', (test) => {
  test(
    'build gives the same image in another folder, with other times, umask and snapshotter',
    async () => {
      await using registry = await startBaseRegistry()
      const conditions: readonly Conditions[] = [
        { umask: 0o022, mtime: 1_750_000_000, snapshotter: 'overlay' },
        { umask: 0o077, mtime: 1_760_000_000, snapshotter: 'overlay' },
        { umask: 0o077, mtime: 1_780_000_000, snapshotter: 'native' },
        { umask: 0o002, mtime: 1_770_000_000, snapshotter: 'native' },
      ]
      let first: ImageDigests | undefined
      for (const condition of conditions) {
        await using work = await workspace()
        await fill(work, registry.images.busybox, condition.mtime)
        const found = await buildUnder(work, condition, ',rewrite-timestamp=true')
        first ??= found
        assert.equal(found, first, JSON.stringify(condition))
      }
    },
    { skip, timeoutMs: 180_000 },
  )

  test(
    'rewrite-timestamp keeps times before the epoch, so that contexts with other old times differ',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY old new /\n', old: 'o', new: 'n' })
      const build = async (old: number, young: number) => {
        await lutimes(join(work.context, 'old'), old, old)
        await lutimes(join(work.context, 'new'), young, young)
        const root = join(work.path, `root-${old}-${young}`)
        const tar = join(work.path, 'image.tar')
        const args = ['--no-cache', '-o', `type=oci,dest=${tar},rewrite-timestamp=true,compression=uncompressed`]
        await work.ok(['build', ...args, work.context], {
          env: { SOURCE_DATE_EPOCH: String(epoch), TSBUILD_ROOT: root },
        })
        const { diffIds } = await imageDigestsOf(tar)
        const layer = `blobs/${diffIds[0]?.replace(':', '/')}`
        const listing = await command('sh', ['-c', `tar -xOf ${tar} ${layer} | TZ=UTC tar --full-time -tvf -`])
        const times = [...listing.matchAll(/ (\d{4}-\S+ \S+) (\S+)$/gm)].map(([, time, name]) => [name, time])
        return { diffIds, times: Object.fromEntries(times) }
      }
      const first = await build(epoch - 100, epoch + 100)
      assert.equal(first.times, { new: '2023-11-14 22:13:20', old: '2023-11-14 22:11:40' })
      assert.equal((await build(epoch - 100, epoch + 500)).diffIds, first.diffIds)
      assert.not.equal((await build(epoch - 300, epoch + 100)).diffIds, first.diffIds)
    },
    { skip: rootSkip(), timeoutMs: 60_000 },
  )

  test(
    'rewrite-timestamp cuts the times of new layers and leaves those of the base image alone',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await fill(work, registry.images.busybox, 1_750_000_000)
      const condition: Conditions = { umask: 0o022, mtime: 0, snapshotter: 'overlay' }
      const plain = await buildUnder(work, condition, '')
      const rewritten = await buildUnder(work, condition, ',rewrite-timestamp=true')
      const bases = rewritten.diffIds.length - steps.filter((step) => !step.startsWith('CMD')).length
      assert.ok(bases > 0)
      assert.equal(rewritten.diffIds.slice(0, bases), plain.diffIds.slice(0, bases))
      assert.not.equal(rewritten.diffIds.slice(bases), plain.diffIds.slice(bases))
      const listing = await command('sh', [
        '-c',
        `mkdir ${work.path}/x && cd ${work.path}/x && tar -xf ../image.tar && for b in blobs/sha256/*; do TZ=UTC tar -tvf $b 2>/dev/null; done | grep -E ' (made/|copied/|linked/|added/)' | grep -v '/[.]wh[.]'`,
      ])
      const years = new Set(listing.split('\n').flatMap((line) => /(\d{4})-\d\d-\d\d/.exec(line)?.[1] ?? []))
      assert.equal([...years], ['2023'], listing)
    },
    { skip, timeoutMs: 120_000 },
  )
})
