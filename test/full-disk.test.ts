import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Engine, openEngine } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { serveRegistryCli } from './served-registry.js'

const options = { skip: rootSkip(), timeoutMs: 180_000 }
const mebibyte = 1 << 20

/** A root folder on a small disk, and a context of 6 MiB that does not compress. */
interface SmallDisk extends AsyncDisposable {
  readonly path: string
  readonly disk: string
  readonly root: string
  readonly context: string
  /** Leaves about so many bytes. */
  fill(left: number): Promise<void>
  free(): Promise<void>
}

async function smallDisk(): Promise<SmallDisk> {
  const dir = await tempDir('tsbuild-full-')
  const disk = join(dir.path, 'disk')
  const context = join(dir.path, 'context')
  await mkdir(disk)
  await mkdir(context)
  await writeFile(join(context, 'data'), randomBytes(6 * mebibyte))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${48 * mebibyte}`, 'tmpfs', disk])
  return {
    path: dir.path,
    disk,
    root: join(disk, 'root'),
    context,
    async fill(left) {
      const { bavail, bsize } = await statfs(disk)
      await writeFile(join(disk, 'filler'), Buffer.alloc(bavail * bsize - left))
    },
    free: () => rm(join(disk, 'filler')),
    async [Symbol.asyncDispose]() {
      execFileSync('umount', ['-l', disk])
      await dir[Symbol.asyncDispose]()
    },
  }
}

const build = (engine: Engine, context: string, ...tags: string[]) =>
  engine.build({ context, dockerfileText: 'FROM scratch\nCOPY data /data\n', tags })

/** The error that tells of the full disk, and those that it caused. */
function isFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause as unknown)
    if (hasCode(at, 'STORE_FULL') || hasCode(at, 'ENOSPC') || /ENOSPC|no space left/i.test(at.message)) return true
  return false
}

/** The work fails for want of space, does no harm, and succeeds when there is space. */
async function failsAndThenWorks(disk: SmallDisk, work: (engine: Engine) => Promise<unknown>, code: RegExp) {
  {
    await using engine = await openEngine({ root: disk.root })
    await build(engine, join(disk.path, 'small'), 'small')
  }
  await disk.fill(2 * mebibyte)
  {
    await using engine = await openEngine({ root: disk.root })
    const error = await work(engine).then(
      () => undefined,
      (error: unknown) => error,
    )
    assert.ok(isFull(error), `not for want of space: ${error}`)
    assert.match(String((error as { code?: unknown }).code), code)
    assert.ok(engine.images.inspect('small').layers.length > 0)
    const { findings } = await engine.check({ deep: true })
    assert.equal(
      findings.filter(({ severity }) => severity === 'error'),
      [],
    )
  }
  await disk.free()
  await using engine = await openEngine({ root: disk.root })
  await work(engine)
  assert.ok((await engine.check({ deep: true })).clean)
}

async function withSmall(): Promise<SmallDisk> {
  const disk = await smallDisk()
  await mkdir(join(disk.path, 'small'))
  await writeFile(join(disk.path, 'small/data'), 'small')
  return disk
}

/** The context's image, as an archive or in a registry that is not on the small disk. */
async function elsewhere(
  disk: SmallDisk,
  send: (engine: Engine) => Promise<unknown>,
  ...tags: string[]
): Promise<void> {
  await using engine = await openEngine({ root: join(disk.path, 'elsewhere') })
  await build(engine, disk.context, ...tags)
  await send(engine)
}

tests('a full disk', (test) => {
  test(
    'build() fails with a typed error, and works again',
    async () => {
      await using disk = await withSmall()
      await failsAndThenWorks(disk, (engine) => build(engine, disk.context, 'large'), /^(BUILD_FAILED|STORE_FULL)$/)
    },
    options,
  )

  test(
    'images.load() fails with STORE_FULL, and works again',
    async () => {
      await using disk = await withSmall()
      const archive = join(disk.path, 'large.tar')
      await elsewhere(disk, (engine) => engine.images.save(['large'], archive), 'large')
      await failsAndThenWorks(disk, (engine) => engine.images.load(archive), /^STORE_FULL$/)
    },
    options,
  )

  test(
    'images.pull() fails with STORE_FULL, and works again',
    async () => {
      await using disk = await withSmall()
      await using registry = await serveRegistryCli(join(disk.path, 'registry'))
      const name = `${registry.host}/large`
      await elsewhere(disk, (engine) => engine.images.push(name), name)
      await failsAndThenWorks(disk, (engine) => engine.images.pull(name), /^STORE_FULL$/)
    },
    options,
  )

  test(
    'an output to a full disk fails with OUTPUT_FAILED, leaves nothing, and works again',
    async () => {
      await using disk = await withSmall()
      const dest = join(disk.disk, 'large.tar')
      await using other = await openEngine({ root: join(disk.path, 'elsewhere') })
      const write = () =>
        other.build({
          context: disk.context,
          dockerfileText: 'FROM scratch\nCOPY data /data\n',
          outputs: [{ type: 'oci', dest }],
        })
      await failsAndThenWorks(disk, write, /^OUTPUT_FAILED$/)
      assert.equal((await readdir(disk.disk)).sort(), ['large.tar', 'root'])
    },
    options,
  )
})
