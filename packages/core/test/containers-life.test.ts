import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createKeyLocks, currentBootId, openSessionLocks, tryLockFile } from '@tsbuild/host'
import { createNativeSnapshotter } from '@tsbuild/snapshotter'
import { digestOf } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerPaths } from '../dist/containers/container-paths.js'
import { containerSettings } from '../dist/containers/container-settings.js'
import { containerKey, containerSnapshotter } from '../dist/containers/container-snapshot.js'
import { containersUsing } from '../dist/containers/containers-using.js'
import { findContainer, shownContainers } from '../dist/containers/find-container.js'
import { settle } from '../dist/containers/life.js'
import { type ContainerRecord, type ContainerState, fromStored, toStored } from '../dist/containers/record.js'
import { isRunning, ownIdentity } from '../dist/containers/running-process.js'
import { sweepDeadSessions } from '../dist/sweep.js'

const skip = process.platform === 'linux' ? undefined : 'needs Linux'
const imageId = digestOf('config')
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } } as const

function record(id: string, state: ContainerState, autoRemove = false): ContainerRecord {
  const settings = containerSettings(id, config, { image: 'app', autoRemove }, undefined)
  const manifest = { mediaType: 'x', digest: digestOf('manifest'), size: 1 }
  return {
    id,
    name: `name${id.slice(0, 4)}`,
    image: 'app',
    imageId,
    manifest,
    layers: [],
    createdAt: 1,
    settings,
    state,
  }
}

const running: ContainerState = {
  status: 'running',
  startedAt: 5,
  bootId: currentBootId(),
  monitor: { pid: 1, startTime: '17' },
  process: { pid: 2, startTime: '18' },
  mountPoints: ['/etc/hosts'],
}

async function openParts(path: string) {
  const sessions = openSessionLocks(join(path, 'locks'))
  const store = await openStore(path, { sessions })
  return {
    root: path,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await sessions[Symbol.asyncDispose]()
    },
  }
}

tests('the life of containers', (test) => {
  const states: readonly [title: string, ContainerState, boolean, object][] = [
    [
      'after a reboot',
      { ...running, bootId: 'another' },
      false,
      { status: 'exited', exitCode: 255, error: 'the machine was restarted' },
    ],
    ['whose monitor was killed', running, false, { status: 'exited', exitCode: 137, error: 'its monitor was killed' }],
    ['whose monitor was killed, of --rm', running, true, { status: 'removing', exitCode: 137 }],
    ['that has ended', { status: 'exited', exitCode: 3 }, false, { status: 'exited', exitCode: 3 }],
    ['that was made', { status: 'created' }, false, { status: 'created' }],
  ]
  for (const [title, state, autoRemove, expected] of states) {
    test(
      `settle() tells the truth of one ${title}`,
      async () => {
        await using dir = await tempDir()
        await using parts = await openParts(dir.path)
        const one = record('a'.repeat(64), state, autoRemove)
        await mkdir(containerPaths(dir.path, one.id).directory, { recursive: true })
        await parts.store.containers.add(toStored(one))
        const settled = (await settle(parts, one)).state
        for (const [key, value] of Object.entries(expected)) assert.is(settled[key as keyof ContainerState], value)
        const row = parts.store.containers.get(one.id)
        assert.equal(row && fromStored(row).state, settled)
        assert.is(settled.monitor, undefined)
        assert.is(settled.process, undefined)
      },
      { skip },
    )
  }

  test(
    'settle() leaves one alone whose lock is held, and one that was started again',
    async () => {
      await using dir = await tempDir()
      await using parts = await openParts(dir.path)
      const one = record('a'.repeat(64), running)
      const paths = containerPaths(dir.path, one.id)
      await mkdir(paths.directory, { recursive: true })
      await parts.store.containers.add(toStored(one))
      const lock = tryLockFile(paths.lock)
      assert.equal((await settle(parts, one)).state, running)
      lock?.release()
      const again = { ...running, monitor: { pid: 9, startTime: '99' } }
      await parts.store.containers.update(one.id, () => toStored({ ...one, state: again }))
      assert.equal((await settle(parts, one)).state, again)
    },
    { skip },
  )

  test(
    'findContainer() and containersUsing() see what is whole',
    async () => {
      await using dir = await tempDir()
      await using parts = await openParts(dir.path)
      const ids = ['ab', 'ac', 'b0', 'c0'].map((start) => start.padEnd(64, '0'))
      const [one = '', two = '', three = '', four = ''] = ids
      await parts.store.containers.add(toStored(record(one, running)))
      await parts.store.containers.add(toStored(record(two, { status: 'created' })))
      await parts.store.containers.add(toStored(record(three, { status: 'creating' })))
      await parts.store.containers.add(toStored(record(four, { status: 'removing' })))
      const { containers } = parts.store
      assert.equal(
        shownContainers(containers).map(({ id }) => id),
        [one, two],
      )
      assert.is(findContainer(containers, 'ab').id, one)
      assert.is(findContainer(containers, 'nameac00').id, two)
      const code = (name: string) => {
        try {
          return findContainer(containers, name).id
        } catch (error) {
          return (error as { readonly code: string }).code
        }
      }
      assert.equal(['a', 'b0', 'c', 'zz', ''].map(code), [
        'CONTAINER_AMBIGUOUS',
        ...Array.from({ length: 4 }, () => 'CONTAINER_NOT_FOUND'),
      ])
      assert.equal(
        containersUsing(parts.store, imageId).map(({ id, running }) => [id, running]),
        ids.map((id) => [id, id === one]),
      )
      assert.equal(containersUsing(parts.store, digestOf('other')), [])
    },
    { skip },
  )

  test(
    'sweepDeadSessions() leaves the snapshots of containers alone, and finishes what was half made or half removed',
    async () => {
      await using dir = await tempDir()
      await using parts = await openParts(dir.path)
      await using sessions = openSessionLocks(join(dir.path, 'locks'))
      const directory = join(dir.path, 'snapshots')
      const openSnapshotter = (session: string) => createNativeSnapshotter({ directory, session })
      await using snapshotter = openSnapshotter(sessions.session)
      const states = { a: 'created', b: 'exited', c: 'running', d: 'creating', e: 'removing' } as const
      for (const [letter, status] of Object.entries(states)) {
        const one = record(letter.repeat(64), { status })
        await parts.store.containers.add(toStored(one))
        await mkdir(containerPaths(dir.path, one.id).directory, { recursive: true })
        await using own = containerSnapshotter({ openSnapshotter }, one.id)
        await own.prepare(containerKey, [])
      }
      const locks = createKeyLocks(join(dir.path, 'locks'))
      const contexts = join(dir.path, 'contexts')
      const cacheDirectory = join(dir.path, 'cache-mounts')
      const { containers } = parts.store
      const services = { root: dir.path, sessions, snapshotter, contexts, cacheDirectory, containers }
      await using busy = await locks.acquire(`container-${'d'.repeat(64)}`)
      const left = async () => {
        await sweepDeadSessions({ ...services, locks, openSnapshotter })
        const named = async (path: string) => (await readdir(path)).map((name) => name[0]).join('')
        const actives = (await readdir(join(directory, '_active'))).filter((name) => /^(.)\1+$/.test(name))
        const rows = parts.store.containers.list().map(({ id }) => id[0])
        return [rows.join(''), await named(join(dir.path, 'containers')), actives.map((name) => name[0]).join('')]
      }
      assert.equal(await left(), ['abcd', 'abcd', 'abcd'])
      await busy[Symbol.asyncDispose]()
      assert.equal(await left(), ['abc', 'abc', 'abc'])
    },
    { skip },
  )

  test(
    'isRunning() knows this very process',
    () => {
      const own = ownIdentity()
      assert.ok(isRunning(own))
      assert.not.ok(isRunning({ ...own, startTime: '1' }))
      assert.not.ok(isRunning({ pid: 2 ** 22 + 1, startTime: own.startTime }))
    },
    { skip },
  )
})
