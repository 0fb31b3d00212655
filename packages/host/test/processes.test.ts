import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  currentBootId,
  findProcessesUsing,
  killProcessesUsing,
  parseMountInfo,
  probeNamespaces,
  probeOverlay,
} from '@tsbuild/host'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const skip = process.getuid?.() === 0 ? undefined : 'needs root'

/** A shell with a child, both in a mount namespace of their own, after `script`. */
async function inNamespace(script: string, ...args: string[]): Promise<ChildProcess & AsyncDisposable> {
  const command = `${script}\nsleep 1000 & echo ready; wait`
  const child = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-e', '-c', command, 'sh', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // Ended already.
      }
    },
  })
}

tests('processes', (test) => {
  const mounts: Record<string, [name: string, script: string]> = {
    'an upper directory': ['plain', 'mount -t overlay o -o "lowerdir=$1/l,upperdir=$1/u,workdir=$1/w" "$1/m"'],
    'an upper directory with odd characters': [
      'a b,c\\d é',
      'cd "$1"; e=$(printf %s "$1" | sed \'s/[\\\\,]/\\\\&/g\'); mount -i -t overlay -o "lowerdir=l,upperdir=$e/u,workdir=$e/w" o m',
    ],
    'a bind mount': ['plain', 'mount --bind "$1/u" "$1/m"'],
    'a bind mount with odd characters': ['a b,c\\d é', 'mount --bind "$1/u" "$1/m"'],
  }
  for (const [what, [name, script]] of Object.entries(mounts)) {
    test(
      `killProcessesUsing() ends every process with ${what}, and no other`,
      async () => {
        await using temp = await tempDir()
        const dir = join(temp.path, name)
        for (const part of ['l', 'u', 'w', 'm']) mkdirSync(join(dir, part), { recursive: true })
        await using user = await inNamespace(script, dir)
        await using other = await inNamespace('')
        const found = await findProcessesUsing(join(dir, 'u'))
        assert.is(found.length, 2)
        assert.ok(found.includes(user.pid!))
        const gone = new Promise((resolve) => user.once('exit', resolve))
        await killProcessesUsing(join(dir, 'u'))
        await gone
        assert.equal(await findProcessesUsing(join(dir, 'u')), [])
        assert.is(other.exitCode ?? other.signalCode, null)
      },
      { skip },
    )
  }

  test('findProcessesUsing() finds none for a directory that is not mounted or not there', async () => {
    await using dir = await tempDir()
    assert.equal(await findProcessesUsing(dir.path), [])
    assert.equal(await findProcessesUsing(join(dir.path, 'missing')), [])
  })

  test('parseMountInfo() reads escapes and optional fields, and skips what is not a line', () => {
    const text = [
      '36 35 98:0 /root\\040x /mnt\\134y rw,noatime master:1 shared:2 - ext3 /dev/root rw,a=b\\054c',
      '37 35 0:5 / /é rw - tmpfs none rw',
      'nonsense',
      '',
    ].join('\n')
    assert.equal(parseMountInfo(text), [
      { id: 36, device: '98:0', root: '/root x', mountPoint: '/mnt\\y', type: 'ext3', superOptions: 'rw,a=b,c' },
      { id: 37, device: '0:5', root: '/', mountPoint: '/é', type: 'tmpfs', superOptions: 'rw' },
    ])
    assert.ok(parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).some(({ mountPoint }) => mountPoint === '/'))
  })

  test("currentBootId() is this boot's", () => {
    assert.match(currentBootId(), /^[0-9a-f-]{36}$/)
    assert.is(currentBootId(), currentBootId())
  })

  test(
    'probeOverlay() says yes here, and why not elsewhere, and leaves nothing',
    async () => {
      await using dir = await tempDir()
      assert.equal(await probeOverlay(dir.path), { works: true })
      assert.equal(readdirSync(dir.path), [])
      const missing = await probeOverlay(join(dir.path, 'missing'))
      assert.ok(!missing.works && /ENOENT/.test(missing.reason))
      const proc = await probeOverlay('/proc')
      assert.not.ok(proc.works)
    },
    { skip },
  )

  test(
    'probeNamespaces() says yes as root',
    async () => {
      assert.equal(await probeNamespaces(), { works: true })
    },
    { skip },
  )
})
