import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createOciRuntime, type OciRuntimeOptions } from '@tsbuild/runtime'
import { type ProcessSpec, TsbuildError } from '@tsbuild/spec'
import { busyboxRootfs, findProgram, type TempDir, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const run = promisify(execFile)
const child = fileURLToPath(new URL('./oci-child.js', import.meta.url))
const needsRoot = process.getuid?.() === 0 ? undefined : 'needs root'
const needsRunc = needsRoot ?? (findProgram('runc') ? undefined : 'needs runc')
const needsCrun = needsRoot ?? (findProgram('crun') ? undefined : 'needs crun')
const cgroups = '/sys/fs/cgroup'

async function makeRoot(dir: TempDir): Promise<ProcessSpec> {
  const rootfs = join(dir.path, 'rootfs')
  mkdirSync(rootfs)
  await busyboxRootfs(rootfs)
  const root = { kind: 'bind', source: rootfs, readonly: false } as const
  return { root, args: ['true'], env: ['PATH=/bin'], cwd: '/', user: '', network: 'host' }
}

async function runScript(options: OciRuntimeOptions, spec: ProcessSpec, script: string) {
  await using runtime = createOciRuntime(options)
  let output = ''
  const onOutput = (_: string, chunk: Uint8Array) => {
    output += Buffer.from(chunk)
  }
  const status = await runtime.run({ ...spec, args: ['sh', '-c', script] }, { onOutput })
  return { status, output }
}

async function failure(promise: Promise<unknown>): Promise<TsbuildError> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught) => caught,
  )
  if (error instanceof TsbuildError) return error
  throw new Error(`expected one of our errors, got ${error}`)
}

/** Cgroups of this runtime's containers that process `pid` made; those that go while we look are not there. */
function cgroupsOf(pid: number, folder = cgroups): string[] {
  return childrenOf(folder).flatMap((name) => {
    const path = `${folder}/${name}`
    return name.startsWith(`tsbuild-${pid}-`) ? [path] : cgroupsOf(pid, path)
  })
}

function childrenOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

tests('OCI runtime', (test) => {
  test('run() says which program is missing', async () => {
    await using dir = await tempDir()
    const spec = {
      root: { kind: 'bind', source: '/', readonly: true },
      args: ['true'],
      env: [],
      cwd: '/',
      user: '',
      network: 'host',
    } as const
    await using runtime = createOciRuntime({ program: 'no-such-runtime', stateDir: join(dir.path, 'state') })
    const error = await failure(runtime.run(spec))
    assert.is(error.code, 'RUNTIME_UNAVAILABLE')
    assert.match(error.message, /no-such-runtime/)
    assert.ok(error.hint)
  })

  test(
    'run() tells why a program cannot start steps, and does not show its complaint as output',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      const program = join(dir.path, 'broken-runtime')
      const log = '{"level":"error","msg":"no luck with cgroups","time":"now"}'
      writeFileSync(program, `#!/bin/sh\necho 'broken-runtime[1]: crun: no luck' >&2\necho '${log}' > "$2"\nexit 1\n`, {
        mode: 0o755,
      })
      await using runtime = createOciRuntime({ program, stateDir: join(dir.path, 'state') })
      let output = ''
      const onOutput = (_: string, chunk: Uint8Array) => {
        output += Buffer.from(chunk)
      }
      const error = await failure(runtime.run(spec, { onOutput }))
      assert.is(output, '')
      assert.is(error.code, 'RUNTIME_UNAVAILABLE')
      assert.match(error.message, /broken-runtime: no luck with cgroups/)
      assert.match((await failure(runtime.run(spec))).message, /no luck/)
    },
    { skip: needsRoot },
  )

  test(
    'run() with crun runs the step, or tells what crun has against this machine',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      const options = { program: 'crun', stateDir: join(dir.path, 'state') }
      const result = await runScript(options, spec, 'echo hello').catch((error: unknown) => error)
      if (result instanceof TsbuildError) {
        assert.is(result.code, 'RUNTIME_UNAVAILABLE')
        assert.match(result.message, /crun: .*cgroup/)
      } else {
        assert.equal(result, { status: { code: 0 }, output: 'hello\n' })
      }
    },
    { skip: needsCrun },
  )

  test(
    'run() gives the step an empty stdin and no descriptor but 0, 1 and 2',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      const { output } = await runScript(
        { program: 'runc', stateDir: join(dir.path, 'state') },
        spec,
        'cat; exec ls /proc/self/fd',
      )
      assert.is(output, '0\n1\n2\n3\n')
    },
    { skip: needsRunc },
  )

  test(
    'run() mounts inside of /dev, /proc and /sys, too',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      writeFileSync(join(dir.path, 'file'), 'bound')
      const mounts = [
        { kind: 'bind', source: join(dir.path, 'file'), target: '/dev/some/file', readonly: true },
        { kind: 'secret', target: '/dev/secret', data: Buffer.from('token'), mode: 0o440, uid: 5, gid: 6 },
        { kind: 'tmpfs', target: '/dev/shm', sizeBytes: 1 << 20 },
      ] as const
      const script =
        'cat /dev/some/file /dev/secret; stat -c " %a %u:%g" /dev/secret; (echo x > /dev/some/file) 2>/dev/null || echo no'
      const { output } = await runScript(
        { program: 'runc', stateDir: join(dir.path, 'state') },
        { ...spec, mounts },
        script,
      )
      assert.is(output, 'boundtoken 440 5:6\nno\n')
      assert.is(readFileSync(join(dir.path, 'file'), 'utf8'), 'bound')
    },
    { skip: needsRunc },
  )

  test(
    'run() keeps a sandboxed step away from devices of the host',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      const script = 'mknod /tmp/mem c 1 1; cat /tmp/mem 2>&1 >/dev/null | grep -c "not permitted"'
      const { output } = await runScript({ program: 'runc', stateDir: join(dir.path, 'state') }, spec, script)
      assert.is(output, '1\n')
    },
    { skip: needsRunc },
  )

  test(
    'run() works where cgroups are read-only',
    async () => {
      await using dir = await tempDir()
      await makeRoot(dir)
      const readonly = `for c in ${cgroups}/* ${cgroups}; do mount -o remount,ro,bind $c 2>/dev/null; done`
      const command = `${readonly}; exec "$0" "$@"`
      const args = ['-m', 'sh', '-c', command, process.execPath, child, dir.path, 'echo still; exit 4']
      const { stdout } = await run('unshare', args)
      assert.equal(JSON.parse(stdout), { status: { code: 4 }, output: 'still\n' })
    },
    { skip: needsRunc },
  )

  test(
    'kill -9 of the program leaves no process and no mount, and the next runtime removes the rest',
    async () => {
      await using dir = await tempDir()
      const spec = await makeRoot(dir)
      const seconds = `${20_000 + process.pid}`
      const owner = spawn(process.execPath, [child, dir.path, `sleep ${seconds}`], { stdio: 'ignore' })
      try {
        await until(() => stepsWith(seconds) > 0)
      } finally {
        owner.kill('SIGKILL')
      }
      await until(() => stepsWith(seconds) === 0)
      assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(dir.path))
      const stateDir = join(dir.path, 'state')
      assert.is(readdirSync(join(stateDir, 'oci-state')).length, 1)
      assert.is((await runScript({ program: 'runc', stateDir }, spec, 'exit 3')).status.code, 3)
      await until(() => readdirSync(join(stateDir, 'oci-state')).length === 0)
      await until(() => cgroupsOf(owner.pid ?? 0).length === 0)
      assert.equal(cgroupsOf(process.pid), [])
    },
    { skip: needsRunc },
  )
})

function stepsWith(seconds: string): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandLine(name) === `sleep\0${seconds}\0`).length
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await delay(20)) {
    if (Date.now() > end) throw new Error(`waited in vain for ${condition}`)
  }
}
