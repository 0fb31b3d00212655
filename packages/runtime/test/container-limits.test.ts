import { execFile, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProcessesUsing } from '@tsbuild/host'
import { createNativeRuntime, createOciRuntime, findInit } from '@tsbuild/runtime'
import type { CgroupLimits, OverlayMount, ProcessSpec } from '@tsbuild/spec'
import { hasCode } from '@tsbuild/spec'
import { busyboxRootfs, findProgram, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { readHierarchies } from '../dist/cgroup/hierarchies.js'

const run = promisify(execFile)
const needsRoot = process.getuid?.() === 0 ? undefined : 'needs root'
const hierarchies = readHierarchies()
const needsControllers =
  needsRoot ??
  (['pids', 'memory', 'cpu'].every((name) => hierarchies.some(({ controllers }) => controllers.includes(name)))
    ? undefined
    : 'needs the cgroup controllers pids, memory and cpu (version 1)')
const hasInit = ['docker-init', 'tini-static', 'catatonit'].some((name) => findProgram(name) !== undefined)
const needsInit = needsRoot ?? (hasInit ? undefined : 'needs a static tini or catatonit')
const runtimeUrl = import.meta.resolve('@tsbuild/runtime')

async function openRoot() {
  const dir = await tempDir()
  mkdirSync(join(dir.path, 'rootfs'))
  await busyboxRootfs(join(dir.path, 'rootfs'))
  let count = 0
  return {
    path: dir.path,
    spec(script: string, more: Partial<ProcessSpec> = {}): ProcessSpec & { root: OverlayMount & { upper: string } } {
      const name = `o${++count}`
      for (const part of ['u', 'w']) mkdirSync(join(dir.path, name, part), { recursive: true })
      const root = {
        kind: 'overlay',
        base: dir.path,
        lower: ['rootfs'],
        upper: `${name}/u`,
        work: `${name}/w`,
      } as const
      return { args: ['sh', '-c', script], env: ['PATH=/bin'], cwd: '/', user: '', network: 'none', ...more, root }
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  }
}

function ownCgroups(): string[] {
  const find = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (!entry.isDirectory()) return []
      const path = join(folder, entry.name)
      return entry.name.startsWith(`tsbuild.${process.pid}-`) ? [path] : safely(() => find(path))
    })
  return hierarchies.flatMap(({ mountPoint }) => safely(() => find(mountPoint)))
}

function safely(list: () => string[]): string[] {
  try {
    return list()
  } catch {
    return []
  }
}

/** A program of its own that starts containers; `printed` resolves when it has said a line. */
function program(code: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  const closed = new Promise<string>((resolve) => child.once('close', () => resolve(output)))
  const printed = (line: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => output.includes(line) && resolve()
      child.stdout.on('data', look)
      closed.then(() => reject(new Error(`ended without "${line}": ${output}`)), reject)
      look()
    })
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  return {
    closed,
    printed,
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10)
}

for (const transport of ['thread', 'process'] as const) {
  tests(`limits of containers, ${transport}`, (test) => {
    test(
      'start() keeps the limits of a cgroup, and removes it at the end',
      async () => {
        await using root = await openRoot()
        await using runtime = createNativeRuntime({ transport, stateDir: join(root.path, 'state') })
        const cgroup = { pids: 12, memoryBytes: 48 << 20, cpus: 0.5 }
        const container = await runtime.start(root.spec('while :; do sleep 1000; done', { cgroup }))
        const membership = readFileSync(`/proc/${container.pid}/cgroup`, 'utf8')
        const read = (controller: string, file: string) => {
          const path = new RegExp(`^\\d+:${controller}:(.*)$`, 'm').exec(membership)?.[1]
          return readFileSync(`/sys/fs/cgroup/${controller}${path}/${file}`, 'utf8').trim()
        }
        assert.is(read('pids', 'pids.max'), '12')
        assert.is(read('memory', 'memory.limit_in_bytes'), String(48 << 20))
        assert.is(read('cpu', 'cpu.cfs_quota_us'), '50000')
        const spec = { env: ['PATH=/bin'], cwd: '/', user: '' }
        const args = ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do sleep 1000 & done; echo all']
        const forks = await runtime.exec(container, { ...spec, args })
        assert.is((await forks.ended).code, 2)
        container.kill('SIGKILL')
        await container.ended
        assert.equal(ownCgroups(), [])
      },
      { skip: needsControllers },
    )

    test(
      'run() kills what takes more memory than it may',
      async () => {
        await using root = await openRoot()
        await using runtime = createNativeRuntime({ transport, stateDir: join(root.path, 'state') })
        const greedy = root.spec('exec tail -c 100000000 /dev/zero', { cgroup: { memoryBytes: 24 << 20 } })
        assert.equal(await runtime.run(greedy), { code: 137, signal: 'SIGKILL' })
      },
      { skip: needsControllers },
    )

    test(
      'start() makes a command the child of an init program that reaps orphans',
      async () => {
        await using root = await openRoot()
        await using runtime = createNativeRuntime({ transport, stateDir: join(root.path, 'state') })
        const script = `(sh -c 'sleep 0.01 & echo $! > /tmp/orphan')
          while test -e /proc/$(cat /tmp/orphan); do sleep 0.01; done
          tr '\\0' ' ' < /proc/1/cmdline | head -n1 | cut -d' ' -f1,2,3; echo $$; exit 7`
        let output = ''
        const onOutput = (_: string, chunk: Uint8Array) => {
          output += Buffer.from(chunk)
        }
        for (const env of [['PATH=/bin'], []]) {
          output = ''
          const container = await runtime.start(root.spec(script, { init: findInit(), env }), { onOutput })
          assert.equal(await container.ended, { code: 7 })
          assert.match(output, env.length > 0 ? /^\/dev\/init -- sh\n2\n$/ : /^\/dev\/init -- \/bin\/sh\n2\n$/)
        }
      },
      { skip: needsInit },
    )

    test(
      'a container ends when its program is killed, whatever its first process has done to its own user',
      async () => {
        await using root = await openRoot()
        const spec = root.spec('exec su app -c "echo up; while :; do sleep 1000; done"', { cgroup: {} })
        const child = program(`import { createNativeRuntime } from '${runtimeUrl}'
          const runtime = createNativeRuntime({ transport: '${transport}', stateDir: '${join(root.path, 'state')}' })
          await runtime.start(${JSON.stringify(spec)}, { onOutput: (_, chunk) => process.stdout.write(chunk) })`)
        await child.printed('up')
        const upper = join(root.path, spec.root.upper)
        assert.ok((await findProcessesUsing(upper)).length >= 1)
        await child.kill()
        await until(async () => (await findProcessesUsing(upper)).length === 0)
      },
      { skip: needsRoot },
    )

    for (const [how, cgroup] of [['by signals', undefined] as const, ['by its cgroup', {}] as const]) {
      test(
        `a container that was paused ${how} goes on when the program that paused it is killed`,
        async () => {
          await using root = await openRoot()
          await using runtime = createNativeRuntime({ transport, stateDir: join(root.path, 'state') })
          const counting = 'i=0; while :; do i=$((i+1)); echo $i > /next; mv /next /count; done'
          const container = await runtime.start(root.spec(counting, cgroup ? { cgroup } : {}))
          const count = () => safely(() => [readFileSync(`/proc/${container.pid}/root/count`, 'utf8')])[0]
          await until(() => count() !== undefined)
          const child = program(`import { createNativeRuntime } from '${runtimeUrl}'
            const runtime = createNativeRuntime({ transport: '${transport}', stateDir: '${join(root.path, 'other')}' })
            globalThis.pause = await runtime.pause(${container.pid})
            console.log('paused')`)
          await child.printed('paused')
          const before = count()
          assert.is(count(), before)
          await child.kill()
          await until(() => count() !== before)
        },
        { skip: needsRoot },
      )
    }
  })
}

tests('limits of containers', (test) => {
  const limits: Record<string, CgroupLimits> = {
    pids: { pids: 9 },
    memory: { memoryBytes: 1 << 30 },
    cpus: { cpus: 1 },
  }
  for (const [name, cgroup] of Object.entries(limits)) {
    test(
      `run() rejects the limit "${name}" with LIMIT_REFUSED where no cgroup can be made`,
      async () => {
        await using root = await openRoot()
        const spec = root.spec('true', { cgroup })
        const code = `import { createNativeRuntime } from '${runtimeUrl}'
          const runtime = createNativeRuntime({ stateDir: '${join(root.path, 'state')}' })
          const error = await runtime.run(${JSON.stringify(spec)}).catch((error) => error)
          console.log(error.code, error.message, '|', error.hint)
          console.log((await runtime.run(${JSON.stringify({ ...spec, cgroup: {} })})).code)
          await runtime[Symbol.asyncDispose]()`
        const readonly = 'for c in /sys/fs/cgroup/* /sys/fs/cgroup; do mount -o remount,ro,bind $c 2>/dev/null; done'
        const args = [
          '-m',
          'sh',
          '-c',
          `${readonly}; exec "$0" "$@"`,
          process.execPath,
          '--input-type=module',
          '-e',
          code,
        ]
        const { stdout } = await run('unshare', args)
        assert.match(stdout, new RegExp(`^LIMIT_REFUSED Cannot set the limit "${name}": .*controller.*\n0\n$`))
      },
      { skip: needsControllers },
    )
  }

  test(
    'run() of the OCI runtime keeps the limits, and runs an init program',
    async () => {
      await using root = await openRoot()
      await using runtime = createOciRuntime({ program: 'runc', stateDir: join(root.path, 'state') })
      const forks = 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done'
      const fork = await runtime.run(root.spec(forks, { cgroup: { pids: 8 } }))
      assert.is(fork.code, 2)
      const script = 'test $$ -ne 1 && grep -q init /proc/1/cmdline && exit 9'
      const spec = root.spec(script, { init: findInit(), cgroup: { memoryBytes: 64 << 20, cpus: 0.5 } })
      assert.equal(await runtime.run(spec), { code: 9 })
    },
    { skip: needsControllers ?? needsInit ?? (findProgram('runc') ? undefined : 'needs runc') },
  )

  test('findInit() takes a static program, and says so when there is none', async () => {
    await using dir = await tempDir()
    const missing = (error: unknown) => hasCode(error, 'INIT_UNAVAILABLE')
    assert.throws(() => findInit(''), missing)
    assert.throws(() => findInit(dir.path), missing)
    // Node is a dynamic program, and a script none at all.
    symlinkSync(process.execPath, join(dir.path, 'docker-init'))
    writeFileSync(join(dir.path, 'catatonit'), '#!/bin/sh\n', { mode: 0o755 })
    assert.throws(() => findInit(`relative:${dir.path}`), missing)
    const busybox = findProgram('busybox') ?? ''
    assert.ok(existsSync(busybox))
    copyFileSync(busybox, join(dir.path, 'tini'))
    assert.is(findInit(`/nowhere:${dir.path}`), join(dir.path, 'tini'))
  })
})
