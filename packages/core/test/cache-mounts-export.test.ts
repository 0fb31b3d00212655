import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSessionLocks } from '@tsbuild/host'
import type { Digest } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { encodeCacheDocument } from '../dist/cache/transfer/encode-document.js'
import { exportMounts } from '../dist/cache/transfer/export-mounts.js'
import { cacheName, type ExecMount } from '../dist/ops/exec-mounts.js'
import { ExecOp } from '../dist/ops/exec-op.js'
import { skip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'

type CacheMount = Extract<ExecMount, { readonly kind: 'cache' }>
type Arguments = Parameters<typeof exportMounts>

const mountOf = (id: string): CacheMount => ({
  kind: 'cache',
  id,
  sharing: 'shared',
  subpath: '/',
  target: `/${id}`,
  readonly: false,
  mode: 0o755,
  uid: 0,
  gid: 0,
  fresh: false,
})

/** A build of one RUN step with these mounts. */
function stepsOf(...mounts: CacheMount[]): Arguments[1]['steps'] {
  const op = new ExecOp({ mounts } as unknown as ConstructorParameters<typeof ExecOp>[0], {} as never)
  const digest = `sha256:${'1'.repeat(64)}` as Digest
  return [{ vertex: { digest, op, inputs: [] } }] as unknown as Arguments[1]['steps']
}

tests('exports of cache mounts', (test) => {
  test(
    'exportMounts() tells of a mount that cannot be sent, sends the others, and keeps what was sent before',
    async () => {
      await using dir = await tempDir()
      await using sessions = openSessionLocks(join(dir.path, 'locks'))
      const parts = { cacheDirectory: dir.path, locks: sessions, options: {} } as unknown as Arguments[0]
      const [bad, good] = [mountOf('bad'), mountOf('good')]
      const write = async (mount: CacheMount, text: string) => {
        const folder = join(dir.path, cacheName(mount, []))
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, 'file'), text)
      }
      const backend = new MemoryCacheBackend()
      const put = backend.put.bind(backend)
      const warnings: string[] = []
      const run = async () => {
        const sent = await exportMounts(parts, {
          backend,
          steps: stepsOf(bad, good),
          maxBytes: undefined,
          warn: (message) => warnings.push(message),
          onProgress() {},
        })
        backend.record = await encodeCacheDocument({
          records: [],
          layers: [],
          digests: new Map(),
          mounts: JSON.parse(JSON.stringify(sent.mounts)),
        })
        return new Map(sent.mounts.map((mount) => [mount.id, mount]))
      }
      for (const mount of [bad, good]) await write(mount, 'first')
      const first = await run()
      assert.equal([...first.keys()].sort(), ['bad', 'good'])
      for (const mount of [bad, good]) await write(mount, 'second')
      // As long as nothing was told.
      backend.put = async (blob, open) => {
        if (warnings.length === 0) throw new Error('the place is full')
        await put(blob, open)
      }
      const second = await run()
      assert.equal(warnings, ['Cannot export the cache mount "bad": the place is full'])
      assert.equal(second.get('bad'), first.get('bad'))
      assert.is.not(second.get('good')?.tree.digest, first.get('good')?.tree.digest)
      assert.equal([...second.keys()].sort(), ['bad', 'good'])
    },
    { skip },
  )
})
