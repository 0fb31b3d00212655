import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openHost, S_IFCHR } from '@tsbuild/host'
import { createNativeRuntime, createOciRuntime } from '@tsbuild/runtime'
import type { ProcessSpec, Runtime } from '@tsbuild/spec'
import { busyboxRootfs, findProgram, type RegisterTest, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const source = fileURLToPath(new URL('../test/escape-probes.c', import.meta.url))
const needsRoot = process.getuid?.() === 0 ? undefined : 'needs root'
const needsCompiler = needsRoot ?? (findProgram('gcc') ? undefined : 'needs gcc')
const needsRunc = needsCompiler ?? (findProgram('runc') ? undefined : 'needs runc')

/** Compiling takes its time on a busy machine. */
const timeoutMs = 120_000

/** A root file system with the probes in it, and things outside that they look for. */
interface Cage extends AsyncDisposable {
  readonly runtime: Runtime
  readonly directory: string
  readonly rootfs: string
  /** What a process printed. */
  run(args: readonly string[], spec?: Partial<ProcessSpec>): Promise<string>
  probe(spec?: Partial<ProcessSpec>, ...names: string[]): Promise<string>
}

async function openCage(create: (stateDir: string) => Runtime, compile = true): Promise<Cage> {
  const dir = await tempDir()
  const at = (...names: string[]) => join(dir.path, ...names)
  for (const name of ['rootfs', 'shared', 'other-snapshot']) mkdirSync(at(name))
  writeFileSync(at('other-snapshot', 'mark'), 'mark')
  chmodSync(at('shared'), 0o777)
  await busyboxRootfs(at('rootfs'))
  if (compile) execFileSync('gcc', ['-std=gnu11', '-O1', '-static', '-o', at('rootfs/probes'), source])
  const socket = `tsbuild-escape-${process.pid}`
  const server = await listen(`\0${socket}`)
  const runtime = create(at('state'))
  const run: Cage['run'] = async (args, spec = {}) => {
    let printed = ''
    await runtime.run(
      {
        root: { kind: 'bind', source: at('rootfs'), readonly: false },
        args,
        env: [
          ...['PATH=/bin', `MARK=${at('other-snapshot/mark')}`, `HOST_PID=${process.pid}`, `SOCKET=${socket}`],
          `DISKS=${disks()}`,
        ],
        cwd: '/',
        user: 'root',
        network: 'none',
        mounts: [
          { kind: 'tmpfs', target: '/scratch' },
          { kind: 'bind', source: at('shared'), target: '/shared', readonly: false },
        ],
        ...spec,
      },
      {
        onOutput: (_, chunk) => {
          printed += Buffer.from(chunk).toString()
        },
      },
    )
    return printed
  }
  return {
    runtime,
    directory: dir.path,
    rootfs: at('rootfs'),
    run,
    probe: (spec, ...names) => run(['/probes', ...names], spec),
    async [Symbol.asyncDispose]() {
      server.close()
      await runtime[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

function listen(path: string): Promise<Server> {
  const server = createServer((client) => client.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

/** Block devices that the kernel serves, or would. */
function disks(): string {
  const lines = readFileSync('/proc/partitions', 'utf8').matchAll(/^\s*(\d+)\s+(\d+)\s+\d+\s+\S+$/gm)
  const loop = '7:0'
  return [...[...lines].map(([, major, minor]) => `${major}:${minor}`), loop].join(' ')
}

/** Every probe of the source, in its order. */
function probeNames(): string[] {
  const names = [...readFileSync(source, 'utf8').matchAll(/PROBE\((\w+)\)/g)].map(([, name = '']) => name)
  const elsewhere = ['io_ports', 'io_level', 'mount_x32', 'mount_x86', 'unshare_x86']
  return names.filter((name) => name !== 'probe' && (process.arch === 'x64' || !elsewhere.includes(name)))
}

/** What must not change on the host. */
function hostState(): string {
  const files = ['/proc/sys/kernel/hostname', '/proc/sys/kernel/core_pattern', '/etc/passwd', '/etc/resolv.conf']
  return files.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')).join('\n')
}

/** Mounts of the host that have to do with a directory. */
function mountsOf(directory: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return lines.filter((line) => line.includes(directory))
}

/** Whether this machine lets root use nodes in the directory, if nothing of ours forbids it. */
function nodesWork(directory: string): boolean {
  try {
    const path = join(directory, 'kmsg')
    openHost().mknod(path, S_IFCHR | 0o600, 1, 11)
    closeSync(openSync(path, 'r'))
    return true
  } catch {
    return false
  }
}

function checkHeld(printed: string, names: readonly string[]): void {
  const lines = printed.trimEnd().split('\n')
  assert.equal(
    lines.filter((line) => !/^\w+ held /.test(line)),
    [],
  )
  assert.equal(
    lines.map((line) => line.split(' ')[0]),
    names,
  )
}

const native = (stateDir: string) => createNativeRuntime({ stateDir })
const oci = (stateDir: string) => createOciRuntime({ program: 'runc', stateDir })

tests('ways out of a step', (test) => {
  const cases: [string, (stateDir: string) => Runtime, string | undefined][] = [
    ['native', native, needsCompiler],
    ['runc', oci, needsRunc],
  ]
  for (const [kind, create, skip] of cases) {
    for (const user of ['root', 'app']) {
      test(
        `run() holds ${user} in the step, ${kind}`,
        async () => {
          await using cage = await openCage(create)
          const before = hostState()
          checkHeld(await cage.probe({ user }), probeNames())
          assert.is(hostState(), before)
          assert.equal(mountsOf(cage.directory), [])
          const mark = join(cage.directory, 'other-snapshot/mark')
          assert.is(readFileSync(mark, 'utf8'), 'mark')
        },
        { skip, timeoutMs },
      )
    }
  }

  test(
    "run() holds root in the step on the host's network, too, but for abstract sockets",
    async () => {
      await using cage = await openCage(native)
      const names = probeNames().filter((name) => name !== 'abstract_socket')
      checkHeld(await cage.probe({ network: 'host' }, ...names), names)
      assert.match(await cage.probe({ network: 'host' }, 'abstract_socket'), 'ESCAPED')
    },
    { skip: needsCompiler, timeoutMs },
  )

  test(
    'run() tells the probes from a step that is let out',
    async () => {
      await using cage = await openCage(native)
      const names = ['mount_tmpfs', 'unshare_mount', 'host_name', 'write_proc_sys']
      if (nodesWork(cage.directory)) names.push('memory_nodes')
      const printed = await cage.probe({ security: 'insecure' }, ...names)
      assert.equal(
        printed
          .trimEnd()
          .split('\n')
          .filter((line) => !line.includes('ESCAPED')),
        [],
      )
    },
    { skip: needsCompiler, timeoutMs },
  )

  test(
    'run() keeps descriptors of this program from the step',
    async () => {
      await using cage = await openCage(native)
      const host = openHost()
      const open = host.pipe2(0)
      try {
        checkHeld(await cage.probe({}, 'descriptors'), ['descriptors'])
      } finally {
        for (const fd of open) host.close(fd)
      }
    },
    { skip: needsCompiler, timeoutMs },
  )

  test(
    'run() lets setuid programs work, but not without new privileges',
    async () => {
      await using cage = await openCage(native)
      chmodSync(join(cage.rootfs, 'probes'), 0o4755)
      assert.is(await cage.run(['/probes', 'ids'], { user: 'app' }), '0\n')
      const sandbox = { noNewPrivileges: true }
      assert.is(await cage.run(['/probes', 'ids'], { user: 'app', sandbox }), '1000\n')
    },
    { skip: needsCompiler, timeoutMs },
  )
})

tests('images that lead out', (test) => {
  const kinds: [string, (stateDir: string) => Runtime, string | undefined][] = [
    ['native', native, needsRoot],
    ['runc', oci, needsRoot ?? (findProgram('runc') ? undefined : 'needs runc')],
  ]
  for (const [kind, create, skip] of kinds) linkTests(test, kind, create, skip)
})

function linkTests(
  test: RegisterTest,
  kind: string,
  create: (stateDir: string) => Runtime,
  skip: string | undefined,
): void {
  test(
    `run() follows links of the image inside of it only, ${kind}`,
    async () => {
      await using cage = await openCage(create, false)
      const outside = join(cage.directory, 'outside')
      mkdirSync(outside)
      const files = { passwd: 'intruder:x:0:0::/:/bin/sh\n', group: '', 'resolv.conf': 'mine\n', hosts: 'mine\n' }
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(outside, name), text)
        const place = join(cage.rootfs, 'etc', name)
        if (existsSync(place)) copyFileSync(place, `${place}.kept`)
        execFileSync('rm', ['-f', place])
        symlinkSync(name === 'hosts' ? `../../../../../../../../..${outside}/hosts` : join(outside, name), place)
      }
      symlinkSync(outside, join(cage.rootfs, 'out'))

      let code: unknown
      await cage.run(['true'], { user: 'intruder' }).catch((error) => {
        code = (error as { code?: string }).code
      })
      assert.is(code, 'USER_NOT_FOUND')
      const script = 'echo in > file; echo x > /etc/passwd; cat /mounted/file; mkdir -p /out/made'
      const mounts = [{ kind: 'tmpfs', target: '/out/scratch' }] as const
      await cage.run(['sh', '-c', script], { cwd: '/out/work', mounts, user: '0' })

      assert.equal(readdirSync(outside).sort(), Object.keys(files).sort())
      for (const [name, text] of Object.entries(files)) assert.is(readFileSync(join(outside, name), 'utf8'), text)
      assert.is(readFileSync(join(cage.rootfs, outside, 'work/file'), 'utf8'), 'in\n')
    },
    { skip },
  )

  for (const name of ['proc', 'sys', 'dev']) {
    test(
      `run() rejects an image whose /${name} is a link, ${kind}`,
      async () => {
        await using cage = await openCage(create, false)
        execFileSync('rm', ['-rf', join(cage.rootfs, name)])
        symlinkSync(cage.directory, join(cage.rootfs, name))
        let code: unknown
        await cage.run(['true']).catch((error) => {
          code = (error as { code?: string }).code
        })
        assert.is(code, 'ROOT_UNUSABLE')
      },
      { skip },
    )
  }
}
