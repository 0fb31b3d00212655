import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWorkerPool, enterRoot } from '@tsbuild/host'
import { hasCode, type OverlayMount } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const skip = process.getuid?.() === 0 ? undefined : 'needs root'
const openPool = () =>
  createWorkerPool({ entry: new URL('./tree-test-worker.js', import.meta.url), size: 1, name: 'trees' })

interface Entered {
  content: string
  names: string[]
  mountTable: string
}

function layers(base: string, count: number): OverlayMount {
  const lower = Array.from({ length: count }, (_, index) => `l${index}`)
  for (const name of [...lower, 'upper', 'work']) mkdirSync(join(base, name))
  return { kind: 'overlay', base, lower, upper: 'upper', work: 'work' }
}

tests('trees', (test) => {
  test(
    'enterRoot() shows an overlay as "/" and leaves no mount behind',
    async () => {
      await using dir = await tempDir()
      await using pool = openPool()
      const mount = layers(dir.path, 3)
      writeFileSync(join(dir.path, 'l0/a'), 'top')
      writeFileSync(join(dir.path, 'l2/a'), 'bottom')
      for (let round = 0; round < 3; round++) {
        const seen = await pool.run<Entered>('enter', { mount, write: [`/new${round}`, 'x'], read: '/a' })
        assert.is(seen.content, 'top')
        assert.not.match(seen.mountTable, dir.path)
      }
      assert.is(readFileSync(join(dir.path, 'upper/new2'), 'utf8'), 'x')
      assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), dir.path)
    },
    { skip },
  )

  test(
    'enterRoot() mounts a volatile overlay again and again',
    async () => {
      await using dir = await tempDir()
      await using pool = openPool()
      const mount = { ...layers(dir.path, 1), volatile: true }
      for (let round = 0; round < 3; round++) {
        const { content } = await pool.run<Entered>('enter', { mount, write: ['/a', `${round}`], read: '/a' })
        assert.is(content, `${round}`)
      }
    },
    { skip },
  )

  test(
    'enterRoot() keeps absolute links and ".." inside',
    async () => {
      await using dir = await tempDir()
      await using pool = openPool()
      const mount = layers(dir.path, 1)
      mkdirSync(join(dir.path, 'l0/etc'))
      symlinkSync('/etc', join(dir.path, 'l0/abs'))
      symlinkSync('../../../../../../etc', join(dir.path, 'l0/up'))
      await pool.run('enter', { mount, write: ['/abs/one', '1'], read: '/up/one' })
      await pool.run('enter', { mount, write: ['/../../up/../etc/two', '2'], read: '/abs/two' })
      assert.is(readFileSync(join(dir.path, 'upper/etc/one'), 'utf8'), '1')
      assert.is(readFileSync(join(dir.path, 'upper/etc/two'), 'utf8'), '2')
    },
    { skip },
  )

  test(
    'enterRoot() takes 125 layers',
    async () => {
      await using dir = await tempDir()
      await using pool = openPool()
      const mount = layers(dir.path, 125)
      writeFileSync(join(dir.path, 'l124/deep'), 'deep')
      const seen = await pool.run<Entered>('enter', { mount, read: '/deep' })
      assert.is(seen.content, 'deep')
    },
    { skip },
  )

  const readonlyMounts = {
    bind: (base: string) => ({ kind: 'bind', source: join(base, 'l0'), readonly: true }),
    'overlay without upper': (base: string) => ({ kind: 'overlay', base, lower: ['l0', 'l1'] }),
    'overlay of one layer': (base: string) => ({ kind: 'overlay', base, lower: ['l0'] }),
  }
  for (const [what, mountOf] of Object.entries(readonlyMounts)) {
    test(
      `enterRoot() refuses writes in a read-only ${what}`,
      async () => {
        await using dir = await tempDir()
        await using pool = openPool()
        layers(dir.path, 2)
        writeFileSync(join(dir.path, 'l0/a'), 'a')
        const mount = mountOf(dir.path)
        assert.is((await pool.run<Entered>('enter', { mount, read: '/a' })).content, 'a')
        const error = await pool
          .run('enter', { mount, write: ['/b', ''], read: '/a' })
          .catch((caught: unknown) => caught)
        assert.is((error as NodeJS.ErrnoException).code, 'EROFS')
      },
      { skip },
    )
  }

  test(
    'openMountTree() lets a thread copy from one chain into another, links confined in each',
    async () => {
      await using dir = await tempDir()
      await using pool = openPool()
      for (const name of ['from', 'to', 'context']) mkdirSync(join(dir.path, name))
      const from = layers(join(dir.path, 'from'), 2)
      const to = layers(join(dir.path, 'to'), 2)
      mkdirSync(join(dir.path, 'from/l1/data'))
      writeFileSync(join(dir.path, 'from/l1/data/file'), 'from a chain')
      symlinkSync('/data', join(dir.path, 'from/l0/link'))
      mkdirSync(join(dir.path, 'to/l0/real'))
      symlinkSync('/real', join(dir.path, 'to/l0/link'))
      assert.is(await pool.run('copy', { from, to, source: '/link/file', target: '/link/file' }), '/')
      assert.is(readFileSync(join(dir.path, 'to/upper/real/file'), 'utf8'), 'from a chain')
      writeFileSync(join(dir.path, 'context/passwd'), 'from a directory')
      symlinkSync('/passwd', join(dir.path, 'context/link'))
      await pool.run('copy', { from: join(dir.path, 'context'), to, source: '/link', target: '/p' })
      assert.is(readFileSync(join(dir.path, 'to/upper/p'), 'utf8'), 'from a directory')
    },
    { skip },
  )

  test(
    'enterRoot() tells what failed, and the thread goes on',
    async () => {
      await using pool = openPool()
      const error = await pool.run('refuse', undefined).catch((caught: unknown) => caught)
      assert.ok(hasCode(error, 'SYSCALL_FAILED'))
      assert.match((error as Error).message, /Cannot mount "\/nowhere-at-all": ENOENT \(no such file or directory\)/)
      assert.is(await pool.run('echo', 1), 1)
    },
    { skip },
  )

  test('enterRoot() refuses the main thread', () => {
    assert.throws(
      () => enterRoot({ kind: 'bind', source: '/', readonly: true }),
      (error: unknown) => hasCode(error, 'HOST_UNSUPPORTED'),
    )
  })
})
