import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerRuntime } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import { type CreateRuntime, rejection } from '../runtime-conformance/fixture.js'
import { hostNamespace, processesWith, uniqueSeconds } from '../runtime-conformance/processes.js'
import { type ContainerTest, talk } from './fixture.js'

const names = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup']
const dockerCapabilities = '00000000a80425fb'

/** Processes that join others. */
export function joinTests(test: ContainerTest, createRuntime: CreateRuntime<ContainerRuntime>): void {
  test('exec() joins every namespace and the root of the container', async ({ container, execOutput }) => {
    const first = await container({ hostname: 'box', cgroup: {} })
    const script = `for n in ${names.join(' ')}; do readlink /proc/self/ns/$n; done; hostname; echo made > /made`
    const lines = (await execOutput(first, script)).trim().split('\n')
    assert.equal(
      lines.slice(0, names.length),
      names.map((name) => readlinkSync(`/proc/${first.pid}/ns/${name}`)),
    )
    for (const name of ['mnt', 'pid', 'net', 'ipc', 'uts']) assert.not.ok(lines.includes(hostNamespace(name)))
    assert.is(lines.at(-1), 'box')
    assert.is(
      await execOutput(first, 'cat /made; echo $PPID; tr "\\0" " " < /proc/1/cmdline | cut -c1-5'),
      'made\n0\nsh -c\n',
    )
  })

  test('exec() leaves the launcher where it was', async ({ container, execOutput, sh }) => {
    const first = await container()
    await execOutput(first, 'true')
    const own = await sh('for n in mnt pid net ipc uts; do readlink /proc/self/ns/$n; done; ls /')
    for (const name of ['mnt', 'pid', 'net', 'ipc', 'uts']) {
      assert.not.match(own.stdout, readlinkSync(`/proc/${first.pid}/ns/${name}`).replace(/[[\]]/g, '\\$&'))
    }
  })

  test('exec() runs as the user, in the directory and with the environment asked for', async ({
    container,
    execOutput,
  }) => {
    const first = await container({ env: ['PATH=/bin', 'FIRST=1'] })
    const script = 'id -u; id -G; pwd; echo $HOME $X "$FIRST"; umask; ulimit -Sn; readlink /proc/self/fd/0'
    const spec = { user: 'app', cwd: '/tmp', env: ['PATH=/bin', 'X=y'] }
    assert.is(await execOutput(first, script, spec), '1000\n1000 10 2000\n/tmp\n/home/app y \n0022\n1024\n/dev/null\n')
    assert.is(await execOutput(first, 'echo $HOME', { user: '4242:0' }), '/home/number\n')
  })

  test("exec() gives Docker's capabilities, or those asked for", async ({ container, execOutput }) => {
    const first = await container()
    const read = 'grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status | cut -f2 | tr "\\n" " "'
    const none = '0000000000000000'
    const all = `${none} ${dockerCapabilities} ${dockerCapabilities} ${dockerCapabilities} ${none} `
    assert.is(await execOutput(first, read), `${all}0 `)
    assert.is(
      await execOutput(first, read, { user: 'app' }),
      `${none} ${none} ${none} ${dockerCapabilities} ${none} 0 `,
    )
    assert.is(await execOutput(first, read, { sandbox: { noNewPrivileges: true } }), `${all}1 `)
    const own = /^CapPrm:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    assert.match(await execOutput(first, read, { security: 'insecure' }), `${none} ${own} ${own}`)
  })

  test('exec() tells the exit code and keeps stdout and stderr apart', async ({ container, exec }) => {
    const first = await container()
    const process = await exec(first, ['sh', '-c', 'echo out; echo err >&2; exit 42'])
    assert.equal(await process.ended, { code: 42 })
    assert.equal(process.printed, { stdout: 'out\n', stderr: 'err\n' })
    const killed = await exec(first, ['sleep', '1000'])
    killed.kill('SIGTERM')
    assert.equal(await killed.ended, { code: 143, signal: 'SIGTERM' })
  })

  test('exec() hands input on', async ({ container, exec }) => {
    const process = await exec(await container(), ['wc', '-c'], { start: { stdin: true } })
    await process.write(Buffer.alloc(200_000))
    process.endInput()
    assert.equal(await process.ended, { code: 0 })
    assert.is(process.printed.stdout, '200000\n')
  })

  test('exec() passes on no descriptor', async ({ container, exec }) => {
    const first = await container({ cgroup: {} })
    const process = await exec(first, ['ls', '/proc/self/fd'])
    await process.ended
    assert.is(process.printed.stdout, '0\n1\n2\n3\n')
  })

  test('exec() ends with the container', async ({ container, exec }) => {
    const first = await container()
    const seconds = uniqueSeconds()
    const process = await exec(first, ['sh', '-c', `setsid sleep ${seconds} & echo up; wait`])
    await process.says('up')
    first.kill('SIGKILL')
    assert.equal(await process.ended, { code: 137, signal: 'SIGKILL' })
    await first.ended
    assert.equal(processesWith(seconds), [])
  })

  test('exec() leaves what the command has left running to the container', async ({ container, execOutput }) => {
    const first = await container()
    const seconds = uniqueSeconds()
    assert.is(
      await execOutput(first, `sleep ${seconds} > /dev/null 2>&1 & echo $!`),
      await execOutput(first, 'pidof sleep | tr " " "\\n" | head -n1'),
    )
    first.kill('SIGKILL')
    await first.ended
    assert.equal(processesWith(seconds), [])
  })

  test('exec() works from another runtime, by process id alone', async ({ container, directory }) => {
    const first = await container()
    await using other = await createRuntime(join(directory, 'other-state'))
    const spec = { args: ['sh', '-c', 'echo there > /there; hostname'], env: [], cwd: '/', user: '' }
    const process = await talk({}, (options) => other.exec(first.pid, spec, options))
    assert.equal(await process.ended, { code: 0 })
    assert.is(readFileSync(`/proc/${first.pid}/root/there`, 'utf8'), 'there\n')
  })

  failedJoins(test)
  hostileJoins(test)
}

function failedJoins(test: ContainerTest): void {
  const bad = {
    COMMAND_NOT_FOUND: { args: ['no-such-command'] },
    COMMAND_NOT_EXECUTABLE: { args: ['/etc'] },
    USER_NOT_FOUND: { user: 'nobody-here' },
    ROOT_UNUSABLE: { cwd: '/no/such/directory' },
    LIMIT_REFUSED: { limits: [{ name: 'nofile', soft: 10, hard: 2 ** 40 }] },
  } as const
  for (const [code, spec] of Object.entries(bad)) {
    test(`exec() rejects with ${code}, and goes on`, async ({ container, exec, execOutput }) => {
      const first = await container()
      assert.is((await rejection(exec(first, ['true'], spec))).code, code)
      assert.is(await execOutput(first, 'echo next'), 'next\n')
      assert.not.ok(existsSync(`/proc/${first.pid}/root/no`))
    })
  }

  test('exec() rejects a program whose interpreter is missing, which only its birth tells', async ({
    container,
    exec,
    rootfs,
  }) => {
    writeFileSync(join(rootfs, 'lost'), '#!/no/interpreter\n', { mode: 0o755 })
    writeFileSync(join(rootfs, 'plain'), 'echo\n', { mode: 0o755 })
    const first = await container()
    for (const user of ['', 'app']) {
      assert.is((await rejection(exec(first, ['/lost'], { user }))).code, 'COMMAND_NOT_FOUND')
      assert.is((await rejection(exec(first, ['/plain'], { user }))).code, 'COMMAND_NOT_EXECUTABLE')
    }
  })

  test('exec() rejects with PROCESS_GONE what has ended, is another process, or is one of the host', async ({
    container,
    exec,
  }) => {
    const first = await container()
    const other = { pid: first.pid, startTime: String(Number(first.startTime) + 1) }
    for (const target of [other, process.pid, 1, 0, -1, 2 ** 22 + 1]) {
      assert.is((await rejection(exec(target, ['true']))).code, 'PROCESS_GONE')
    }
    first.kill('SIGKILL')
    await first.ended
    assert.is((await rejection(exec(first, ['true']))).code, 'PROCESS_GONE')
    assert.is((await rejection(exec(first.pid, ['true']))).code, 'PROCESS_GONE')
  })

  test('exec() does not start with an aborted signal, and stops with one', async ({ container, exec }) => {
    const first = await container()
    const reason = new Error('enough')
    assert.is(await rejection(exec(first, ['true'], { start: { signal: AbortSignal.abort(reason) } })), reason)
    const stop = new AbortController()
    const process = await exec(first, ['sleep', '1000'], { start: { signal: stop.signal } })
    stop.abort(reason)
    assert.is(await rejection(process.ended), reason)
  })
}

function hostileJoins(test: ContainerTest): void {
  test('exec() finds no way to the host by its directory or its files', async ({
    container,
    exec,
    execOutput,
    rootfs,
    directory,
  }) => {
    symlinkSync('/proc/self/root', join(rootfs, 'own-root'))
    writeFileSync(join(directory, 'host-passwd'), 'evil:x:0:0::/:\n')
    const first = await container()
    for (let fd = 0; fd < 64; fd++) {
      assert.is((await rejection(exec(first, ['true'], { cwd: `/proc/self/fd/${fd}` }))).code, 'ROOT_UNUSABLE')
    }
    for (const cwd of ['/proc/self/cwd', '/proc/thread-self/root', '/own-root']) {
      assert.is((await rejection(exec(first, ['true'], { cwd }))).code, 'ROOT_UNUSABLE')
    }
    assert.is(
      await execOutput(first, 'pwd; test -e host-passwd || echo hidden', { cwd: '/proc/1/root' }),
      '/\nhidden\n',
    )
    await execOutput(first, `rm /etc/passwd; ln -s ${directory}/host-passwd /etc/passwd`)
    assert.is((await rejection(exec(first, ['true'], { user: 'evil' }))).code, 'USER_NOT_FOUND')
    await execOutput(first, 'rm /etc/passwd /etc/group; mkfifo /etc/passwd; ln -s /dev/zero /etc/group')
    assert.is(await execOutput(first, 'echo on', { user: '5' }), 'on\n')
  })

  test('exec() shows the container nothing of the launcher, not even before the command runs', async ({
    container,
    runtime,
    exec,
    sh,
  }) => {
    const first = await container({ cgroup: {}, sandbox: { capAdd: ['SYS_PTRACE'] } })
    const freezer = /^\d+:freezer:(.*tsbuild\..*)$/m.exec(readFileSync(`/proc/${first.pid}/cgroup`, 'utf8'))?.[1]
    const pause = await runtime.pause(first)
    // Where the container's cgroup is frozen, the new process stands still between its birth and its command.
    const before = new Set(freezer === undefined ? [] : members(freezer))
    const joining = exec(first, ['sh', '-c', 'echo through'])
    assert.is((await sh('exit 3')).status.code, 3)
    if (freezer !== undefined) {
      const pid = await newMember(freezer, before)
      assert.match(readlinkSync(`/proc/${pid}/exe`), /^\/memfd:/)
      assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), new RegExp(`^CapPrm:\\s+${dockerCapabilities}$`, 'm'))
      assert.not.match(readFileSync(`/proc/${pid}/maps`, 'latin1'), /node|\.so/)
      const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
      for (const link of links) assert.match(link, /^(\/dev\/null|pipe:\[\d+\]|\/.*tsbuild\.[\d.-]+\/cgroup\.procs)$/)
      assert.throws(() => writeFileSync(`/proc/${pid}/exe`, 'x'))
    }
    await pause[Symbol.asyncDispose]()
    const process = await joining
    assert.equal(await process.ended, { code: 0 })
    assert.is(process.printed.stdout, 'through\n')
  })
}

function members(cgroup: string): string[] {
  return readFileSync(`/sys/fs/cgroup/freezer${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean)
}

async function newMember(cgroup: string, before: ReadonlySet<string>): Promise<string> {
  for (;;) {
    const pid = members(cgroup).find((member) => !before.has(member))
    if (pid !== undefined) return pid
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
