import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import { hasCode, type SnapshotKey, type SnapshotName, type Snapshotter } from '@tsbuild/spec'
import { inMount, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { TarOutput } from '../dist/pack/tar-output.js'

const kinds = { overlay: createOverlaySnapshotter, native: createNativeSnapshotter }
const skip = process.getuid?.() === 0 ? undefined : 'needs root'
const key = (text: string) => text as SnapshotKey
const name = (text: string) => text as SnapshotName

async function commitFiles(snapshotter: Snapshotter, layer: string): Promise<void> {
  const mount = await snapshotter.prepare(key('k'), [])
  await inMount(mount, 'mkdir old; for i in $(seq 200); do echo $i > old/$i; done')
  await snapshotter.commit(name(layer), key('k'))
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

tests('snapshot directory', (test) => {
  for (const [kind, create] of Object.entries(kinds)) {
    test(
      `${kind}: a process killed at any instant leaves whole layers or none, and sweep() takes the rest`,
      async () => {
        await using directory = await tempDir()
        const path = `${directory.path}/s`
        await using snapshotter = create({ directory: path, session: 'survivor', threads: 1 })
        await commitFiles(snapshotter, 'base')
        const child = fileURLToPath(new URL('./crash-child.js', import.meta.url))
        for (let round = 0; round < 6; round++) {
          const session = `crashing${round}`
          const running = spawn(process.execPath, [child, kind, path, session], {
            stdio: ['ignore', 'pipe', 'inherit'],
          })
          let output = ''
          running.stdout.on('data', (chunk) => {
            output += chunk
          })
          while (!output.includes('done 0')) await delay(5)
          await delay(round * 3)
          await kill(running)
          assert.equal(await snapshotter.sweep((id) => id === session), [session])
          const started = Number(/start (\d+)\n(?:done \d+\n)?$/.exec(output)?.[1] ?? 0)
          const layers = (await snapshotter.list()).filter((layer) => layer !== 'base')
          assert.ok(
            layers.length === started + 1 || layers.length === started || layers.length === started + 2,
            `${layers} of ${output}`,
          )
          for (const layer of layers) {
            assert.equal(
              await snapshotter.usage(layer),
              { bytes: layerBytes(Number(layer.slice(1))), entries: 51 },
              layer,
            )
            await snapshotter.derive(layer)
            await snapshotter.remove(layer)
          }
        }
        assert.equal(readdirSync(`${path}/_active`), ['survivor'])
        assert.equal(readdirSync(`${path}/_active/survivor`), [])
      },
      { skip, timeoutMs: 90_000 },
    )

    test(
      `${kind}: sweep() kills what still runs in a dead session's snapshot, and spares the living`,
      async () => {
        await using directory = await tempDir()
        const path = `${directory.path}/s`
        await using snapshotter = create({ directory: path, session: 'survivor', threads: 1 })
        await commitFiles(snapshotter, 'base')
        const dead = create({ directory: path, session: 'deadbeef', threads: 1 })
        const mount = await dead.prepare(key('k'), [name('base')])
        const living = await snapshotter.prepare(key('k'), [name('base')])
        const upper = mount.kind === 'bind' ? mount.source : `${mount.base}/${mount.upper}`
        const overlay =
          mount.kind === 'bind'
            ? `mount --bind ${upper} /mnt`
            : `mount -t overlay overlay -o lowerdir=${path}/base/fs,upperdir=${upper},workdir=${mount.base}/${mount.work} /mnt`
        const step = spawn('unshare', ['-m', 'sh', '-c', `${overlay} && echo ready && exec sleep 100`], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        try {
          await once(step.stdout, 'data')
          await dead[Symbol.asyncDispose]()
          assert.equal(await snapshotter.sweep((id) => id !== 'survivor'), ['deadbeef'])
          if (step.exitCode === null && step.signalCode === null) await once(step, 'exit')
          assert.is(step.signalCode, 'SIGKILL')
          assert.not(existsSync(upper))
          assert.ok((await inMount(living, 'ls old')).length > 0)
        } finally {
          await kill(step)
        }
      },
      { skip },
    )

    test(
      `${kind}: takeAway() hides a layer at once, and its files go later, at the latest with a sweep`,
      async () => {
        await using directory = await tempDir()
        const path = `${directory.path}/s`
        await using snapshotter = create({ directory: path, session: 'survivor', threads: 1 })
        const dying = create({ directory: path, session: 'deadbeef', threads: 1 })
        for (const layer of ['one', 'two']) await commitFiles(dying, layer)
        const removeOne = dying.takeAway(name('one'))
        assert.ok(dying.takeAway(name('two')))
        for (const layer of ['one', 'two']) assert.not(snapshotter.has(name(layer)))
        assert.equal(await snapshotter.list(), [])
        assert.is(dying.takeAway(name('one')), undefined)
        assert.throws(
          () => dying.takeAway(name('../one')),
          (err: unknown) => hasCode(err, 'SNAPSHOT_NAME_INVALID'),
        )
        assert.is(readdirSync(`${path}/_active/deadbeef`).length, 2)
        await removeOne?.()
        assert.is(readdirSync(`${path}/_active/deadbeef`).length, 1)
        await dying[Symbol.asyncDispose]()
        assert.equal(await snapshotter.sweep((id) => id === 'deadbeef'), ['deadbeef'])
        assert.not(existsSync(`${path}/_active/deadbeef`))
      },
      { skip },
    )

    test(
      `${kind}: rewrite() makes the layer whose tar pack() with maxMtime streams`,
      async () => {
        await using directory = await tempDir()
        // One worker does it.
        await using snapshotter = create({ directory: directory.path, threads: 1 })
        await commitFiles(snapshotter, 'base')
        const mount = await snapshotter.prepare(key('k'), [name('base')])
        const script =
          'rm old/1; rm -r old/2; mkdir old/2; touch -d @5 early; touch late; ln late hard; ln -s late soft; mkfifo pipe; chmod 700 .'
        await inMount(mount, script)
        await snapshotter.commit(name('layer'), key('k'))
        const wanted = await snapshotter.derive(name('layer'), { maxMtime: 1000 })
        assert.not.equal(await snapshotter.derive(name('layer')), wanted)
        assert.equal(
          await snapshotter.rewrite(name('cut'), name('layer'), 1000),
          await snapshotter.usage(name('layer')),
        )
        assert.equal(await snapshotter.derive(name('cut')), wanted)
        const again = await snapshotter.rewrite(name('cut'), name('layer'), 1000).catch((err) => err)
        assert.ok(hasCode(again, 'SNAPSHOT_EXISTS'))
        const missing = await snapshotter.rewrite(name('none'), name('nothing'), 1000).catch((err) => err)
        assert.ok(hasCode(missing, 'SNAPSHOT_NOT_FOUND'))
      },
      { skip },
    )

    test(
      `${kind}: two snapshotters share a directory`,
      async () => {
        await using directory = await tempDir()
        await using one = create({ directory: directory.path, threads: 1 })
        await using two = create({ directory: directory.path, threads: 1 })
        await commitFiles(one, 'base')
        assert.ok(two.has(name('base')))
        const racing = [one, two].map(async (snapshotter) => {
          await snapshotter.prepare(key('same'), [name('base')])
          return snapshotter.commit(name('same'), key('same')).then(
            () => 'won',
            (err) => (hasCode(err, 'SNAPSHOT_EXISTS') ? 'lost' : err),
          )
        })
        assert.equal((await Promise.all(racing)).sort(), ['lost', 'won'])
      },
      { skip },
    )
  }

  test('opening a directory of the other kind is SNAPSHOT_FORMAT', async () => {
    await using directory = await tempDir()
    await using _ = createOverlaySnapshotter({ directory: directory.path })
    assert.throws(
      () => createNativeSnapshotter({ directory: directory.path }),
      (err: unknown) => hasCode(err, 'SNAPSHOT_FORMAT'),
    )
    assert.throws(
      () => createOverlaySnapshotter({ directory: directory.path, session: '../x' }),
      (err: unknown) => hasCode(err, 'SNAPSHOT_NAME_INVALID'),
    )
  })

  test('TarOutput.content() notices files that are gone, shrank or grew', async () => {
    await using directory = await tempDir()
    const file = `${directory.path}/f`
    const content = (size: number) => {
      const buffer = Buffer.alloc(1000)
      new TarOutput({ next: () => buffer, take() {} }).content(file, size, 'f')
    }
    assert.throws(
      () => content(5),
      (err: unknown) => hasCode(err, 'SNAPSHOT_CHANGED'),
    )
    for (const size of [1, 999, 1000, 1001, 5000]) {
      writeFileSync(file, Buffer.alloc(size))
      content(size)
      for (const said of [size - 1, size + 1]) {
        assert.throws(
          () => content(said),
          (err: unknown) => hasCode(err, 'SNAPSHOT_CHANGED') && /"f"/.test(String(err)),
          `${size} ${said}`,
        )
      }
    }
  })

  test(
    'derive() notices a committed file that was cut meanwhile',
    async () => {
      await using directory = await tempDir()
      await using snapshotter = createOverlaySnapshotter({ directory: directory.path, threads: 1 })
      await commitFiles(snapshotter, 'base')
      mkdirSync(`${directory.path}/base/fs/.wh.odd`)
      const err = await snapshotter.derive(name('base')).catch((reason: unknown) => reason)
      assert.ok(hasCode(err, 'SNAPSHOT_UNSUPPORTED'))
      assert.match((err as Error).message, /"\.wh\.odd"/)
    },
    { skip },
  )
})

function layerBytes(i: number): number {
  return Array.from({ length: 50 }, (_, j) => `${i} ${j}`.length).reduce((a, b) => a + b, 0)
}
