import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { BenchTest } from './fixture.js'
import { hostNamespace } from './processes.js'

const dockerCapabilities = '00000000a80425fb'

/** What a step can see and do of the host. */
export function isolationTests(test: BenchTest): void {
  test('run() gives the step namespaces of its own', async ({ sh }) => {
    const { stdout } = await sh('for n in mnt pid ipc uts; do readlink /proc/self/ns/$n; done')
    const theirs = stdout.trim().split('\n')
    assert.is(theirs.length, 4)
    for (const [index, name] of ['mnt', 'pid', 'ipc', 'uts'].entries())
      assert.is.not(theirs[index], hostNamespace(name))
  })

  test('run() shows the step only its own processes, itself as the first', async ({ sh }) => {
    const { stdout } = await sh('echo $$; cd /proc; echo [0-9]*')
    assert.is(stdout, '1\n1\n')
  })

  test("run() shows nothing of the host's files", async ({ sh, directory }) => {
    const { stdout } = await sh(`ls /; test ! -e ${directory} && echo hidden; ls /proc/1/root/`)
    const lines = stdout.trim().split('\n')
    assert.ok(lines.includes('hidden'))
    assert.not.ok(lines.includes('boot'))
  })

  test("run() gives a sandboxed step Docker's capabilities", async ({ sh }) => {
    const read = 'grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status | tr -d "\\n\\t"'
    const none = '0000000000000000'
    const set = (inh: string, own: string, bound: string) =>
      `CapInh:${inh}CapPrm:${own}CapEff:${own}CapBnd:${bound}CapAmb:${none}NoNewPrivs:0`
    assert.is((await sh(read)).stdout, set(none, dockerCapabilities, dockerCapabilities))
    assert.is((await sh(read, { user: 'app' })).stdout, set(none, none, dockerCapabilities))
  })

  test('run() keeps a sandboxed step from mounting, and an insecure one not', async ({ sh }) => {
    const mount = 'mkdir /m && mount -t tmpfs none /m && echo mounted'
    assert.is((await sh(mount)).stdout, '')
    assert.is((await sh(mount, { security: 'insecure' })).stdout, 'mounted\n')
  })

  test('run() gives an insecure step all capabilities of the runtime', async ({ sh }) => {
    const own = /^CapPrm:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    const { stdout } = await sh('grep CapEff /proc/self/status', { security: 'insecure' })
    assert.is(stdout, `CapEff:\t${own}\n`)
  })

  test('run() shows /proc and /sys as Docker does', async ({ sh }) => {
    const script = `
      for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/x /sys/x; do
        (echo x > $f) 2>/dev/null && echo "wrote $f"
      done
      test -s /proc/kcore && head -c1 /proc/kcore >/dev/null && test -n "$(head -c1 /proc/kcore)" && echo kcore
      test -n "$(head -c1 /proc/timer_list 2>/dev/null)" && echo timer_list
      ls -A /sys/firmware
      test -d /sys/class && test -f /proc/meminfo && echo complete`
    assert.is((await sh(script)).stdout, 'complete\n')
  })

  test('run() gives the step a private /dev', async ({ sh, overlay }) => {
    const root = overlay()
    const script = `
      cd /dev
      stat -c "%n %a %t:%T" null zero full random urandom tty
      for l in ptmx fd stdin stdout stderr; do readlink $l; done
      stat -c "%n %a" shm mqueue pts/ptmx
      echo x > null && head -c 2 zero | wc -c && head -c 2 urandom | wc -c
      echo x > full || echo full
      echo here > shm/file && cat shm/file; touch /dev/left`
    const { stdout } = await sh(script, { root, user: 'root' })
    const expected = [
      ...['null 666 1:3', 'zero 666 1:5', 'full 666 1:7', 'random 666 1:8', 'urandom 666 1:9', 'tty 666 5:0'],
      ...['pts/ptmx', '/proc/self/fd', '/proc/self/fd/0', '/proc/self/fd/1', '/proc/self/fd/2'],
      ...['shm 1777', 'mqueue 1777', 'pts/ptmx 666', '2', '2', 'full', 'here', ''],
    ]
    assert.is(stdout, expected.join('\n'))
    assert.is((await sh('ls /dev/left /dev/shm', { root })).stdout, '/dev/shm:\n')
  })

  test('run() gives /dev/shm the size that is asked for', async ({ sh }) => {
    const size = 'df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2'
    assert.is((await sh(size)).stdout, '65536\n')
    assert.is((await sh(size, { shmSizeBytes: 1 << 20 })).stdout, '1024\n')
  })

  test('run() gives the step an empty stdin, no terminal and no other descriptor', async ({ sh, step }) => {
    assert.is((await step(['cat'])).stdout, '')
    assert.is((await sh('readlink /proc/self/fd/0; exec ls /proc/self/fd')).stdout, '/dev/null\n0\n1\n2\n3\n')
    assert.is((await sh('echo > /dev/tty')).status.code, 1)
  })

  test('run() starts the step with usual umask, limits and signals', async ({ sh, step }) => {
    assert.is((await sh('umask; ulimit -Sn')).stdout, '0022\n1024\n')
    const { stdout } = await step(['grep', '-E', '^Sig(Blk|Ign)', '/proc/self/status'])
    assert.is(stdout, 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n')
    assert.is((await sh('(yes; echo $? >&2) | head -n1')).stderr, '141\n')
  })

  test('run() puts the step into a session of its own', async ({ sh }) => {
    const { stdout } = await sh('cut -d" " -f1,5,6 /proc/self/stat; cut -d" " -f1,5,6 /proc/1/stat')
    assert.match(stdout, /^\d+ 1 1\n1 1 1\n$/)
  })
}
