import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type BenchTest, rejection } from './fixture.js'
import { makeDirs } from './processes.js'

const old = 1_000_000_000

/** What an upper directory holds; an empty /etc stays when mount points were made and removed in it. */
function changes(upper: string): string[] {
  const names = readdirSync(upper)
  return existsSync(join(upper, 'etc')) && readdirSync(join(upper, 'etc')).length === 0
    ? names.filter((name) => name !== 'etc')
    : names
}

/** What is mounted for a step, and what is left of it. */
export function mountTests(test: BenchTest): void {
  test('run() leaves no trace of its own in the root', async ({ sh, overlay, directory, rootfs }) => {
    makeDirs(join(directory, 'bare/bin'), join(directory, 'bare/etc'))
    for (const name of ['busybox', 'sh'])
      writeFileSync(join(directory, 'bare/bin', name), readFileSync(join(rootfs, 'bin/busybox')), { mode: 0o755 })
    for (const name of ['bare/etc', 'bare']) utimesSync(join(directory, name), old, old)
    for (const root of [overlay('bare'), overlay('rootfs')]) {
      assert.is(
        (await sh('test -e /proc/1 -a -e /etc/hosts -a -e /dev/null -a -d /sys/class', { root })).status.code,
        0,
      )
      assert.equal(changes(join(directory, root.upper)), [])
    }
    const bare = overlay('bare')
    utimesSync(join(directory, bare.upper), old, old)
    await sh('true', { root: bare })
    assert.is(lstatSync(join(directory, bare.upper)).mtimeMs, old * 1000)
    await sh('true', { root: { kind: 'bind', source: join(directory, 'bare'), readonly: false } })
    assert.equal(readdirSync(join(directory, 'bare')).sort(), ['bin', 'etc'])
    assert.equal(readdirSync(join(directory, 'bare/etc')), [])
    for (const name of ['bare/etc', 'bare']) assert.is(lstatSync(join(directory, name)).mtimeMs, old * 1000)
  })

  test('run() keeps what the step changes, and its times', async ({ sh, overlay, directory }) => {
    const root = overlay()
    await sh(`echo new > /etc/new; touch -d @${old} /etc; rm /etc/hostname; chown 5:6 /home`, { root })
    const upper = join(directory, root.upper)
    assert.is(readFileSync(join(upper, 'etc/new'), 'utf8'), 'new\n')
    assert.ok(lstatSync(join(upper, 'etc/hostname')).isCharacterDevice())
    assert.is(lstatSync(join(upper, 'home')).gid, 6)
    assert.not.ok(existsSync(join(upper, 'etc/resolv.conf')))
  })

  test('run() runs in a plain directory and in a read-only one', async ({ sh, rootfs }) => {
    await sh('echo plain > /tmp/plain', { root: { kind: 'bind', source: rootfs, readonly: false } })
    assert.is(readFileSync(join(rootfs, 'tmp/plain'), 'utf8'), 'plain\n')
    const { status, stderr } = await sh('echo x > /tmp/x', { root: { kind: 'bind', source: rootfs, readonly: true } })
    assert.is(status.code, 1)
    assert.match(stderr, /Read-only file system/)
  })

  bindTests(test)
  otherMounts(test)
  hostileTargets(test)
}

function bindTests(test: BenchTest): void {
  test('run() binds directories and files of the host, writable or not', async ({ sh, directory }) => {
    makeDirs(join(directory, 'data'))
    writeFileSync(join(directory, 'data/file'), 'content')
    const source = join(directory, 'data')
    const mounts = [
      { kind: 'bind', source, target: '/rw', readonly: false },
      { kind: 'bind', source, target: '/deep/new/ro', readonly: true },
      { kind: 'bind', source: join(source, 'file'), target: '/etc/passwd', readonly: true },
    ] as const
    const { stdout } = await sh(
      'cat /deep/new/ro/file /etc/passwd; echo w > /rw/w; echo x > /deep/new/ro/x || echo no; echo x > /etc/passwd || echo no',
      { mounts },
    )
    assert.is(stdout, 'contentcontentno\nno\n')
    assert.is(readFileSync(join(source, 'w'), 'utf8'), 'w\n')
    assert.not.ok(existsSync(join(source, 'x')))
  })

  test('run() binds a part of a mounted chain, links confined to it', async ({ sh, overlay, directory }) => {
    makeDirs(join(directory, 'layer/real'))
    writeFileSync(join(directory, 'layer/real/file'), 'from the chain')
    symlinkSync('/real', join(directory, 'layer/link'))
    symlinkSync('/../../../../../../etc', join(directory, 'layer/escape'))
    const source = overlay('layer')
    const bind = (subpath: string) => [{ kind: 'bind', source, subpath, target: '/mnt', readonly: true }] as const
    assert.is((await sh('cat /mnt/file', { mounts: bind('/link') })).stdout, 'from the chain')
    assert.is((await rejection(sh('ls /mnt', { mounts: bind('escape') }))).code, 'MOUNT_UNUSABLE')
    assert.is((await rejection(sh('ls /mnt', { mounts: bind('missing') }))).code, 'MOUNT_UNUSABLE')
    const mounts = [
      { kind: 'bind', source: join(directory, 'layer'), subpath: 'link/file', target: '/one', readonly: true },
    ] as const
    assert.is((await sh('cat /one', { mounts })).stdout, 'from the chain')
  })

  test('run() rejects a source that is not there with MOUNT_UNUSABLE', async ({ sh }) => {
    const mounts = [{ kind: 'bind', source: '/no/such/source', target: '/mnt', readonly: true }] as const
    const error = await rejection(sh('true', { mounts }))
    assert.is(error.code, 'MOUNT_UNUSABLE')
    assert.match(error.message, /"\/mnt"/)
  })
}

function otherMounts(test: BenchTest): void {
  test('run() mounts memory, empty and of the size asked for', async ({ sh, overlay, directory }) => {
    const root = overlay()
    const mounts = [
      { kind: 'tmpfs', target: '/tmp', sizeBytes: 1 << 20 },
      { kind: 'tmpfs', target: '/fresh' },
    ] as const
    const script = 'ls -A /tmp; stat -c %a /fresh; head -c 2000000 /dev/zero > /tmp/big || echo full; touch /fresh/x'
    assert.is((await sh(script, { root, mounts, user: 'app' })).stdout, '1777\nfull\n')
    assert.equal(changes(join(directory, root.upper)), [])
  })

  test('run() mounts memory with mode and options', async ({ sh }) => {
    const mounts = [
      { kind: 'tmpfs', target: '/t', mode: 0o750, options: ['noexec', 'nodev'] },
      { kind: 'tmpfs', target: '/r', options: ['ro'] },
    ] as const
    const script = `stat -c %a /t /r; echo 'exit 0' > /t/s; chmod +x /t/s; /t/s 2>/dev/null || echo noexec
      (echo x > /r/x) 2>/dev/null || echo readonly; grep -c -E "^tmpfs /t tmpfs .*nosuid,nodev,noexec" /proc/mounts`
    assert.is((await sh(script, { mounts })).stdout, '750\n1777\nnoexec\nreadonly\n1\n')
  })

  test('run() gives a container names files of its own, which are not in its layer', async ({
    sh,
    overlay,
    directory,
  }) => {
    const root = overlay()
    const script = `cat /etc/hostname /etc/resolv.conf
      for f in hostname hosts resolv.conf; do echo more >> /etc/$f && tail -qn1 /etc/$f; done; grep -c h7 /etc/hosts`
    const spec = { root, hostname: 'h7', container: true, resolvConf: 'nameserver 192.0.2.53\n' }
    assert.is((await sh(script, spec)).stdout, 'h7\nnameserver 192.0.2.53\nmore\nmore\nmore\n1\n')
    assert.equal(changes(join(directory, root.upper)), [])
  })

  test('run() mounts secrets with mode and owner, and keeps them off the disk', async ({ sh, overlay, directory }) => {
    const root = overlay()
    const data = Buffer.from('tok\0en')
    const mounts = [{ kind: 'secret', target: '/run/secrets/a/token', data, mode: 0o440, uid: 1000, gid: 10 }] as const
    const { stdout } = await sh('stat -c "%a %u:%g" $0 /run/secrets/a/token; cat /run/secrets/a/token', {
      root,
      mounts,
      user: 'app',
    })
    assert.match(stdout, /440 1000:10\ntok\0en$/)
    assert.is((await sh('echo x > /run/secrets/a/token', { root, mounts })).status.code, 1)
    assert.equal(changes(join(directory, root.upper)), ['run'])
    assert.equal(readdirSync(join(directory, root.upper, 'run')), [])
  })

  test('run() removes mount points that it made, unless the step put something beside', async ({
    sh,
    overlay,
    directory,
  }) => {
    const root = overlay()
    const mounts = [
      { kind: 'tmpfs', target: '/made/by/run' },
      { kind: 'tmpfs', target: '/other/one' },
    ] as const
    await sh('echo kept > /made/by/step; echo gone > /made/by/run/x', { root, mounts })
    assert.equal(changes(join(directory, root.upper)), ['made'])
    assert.equal(readdirSync(join(directory, root.upper, 'made/by')), ['step'])
  })

  test('run() mounts in the order asked for', async ({ sh, directory }) => {
    makeDirs(join(directory, 'data'))
    writeFileSync(join(directory, 'data/file'), 'below')
    const mounts = [
      { kind: 'tmpfs', target: '/mnt' },
      { kind: 'bind', source: join(directory, 'data'), target: '/mnt/inner', readonly: false },
      { kind: 'secret', target: '/mnt/inner/file', data: Buffer.from('above'), mode: 0o400, uid: 0, gid: 0 },
    ] as const
    assert.is((await sh('cat /mnt/inner/file', { mounts })).stdout, 'above')
    assert.is(readFileSync(join(directory, 'data/file'), 'utf8'), 'below')
  })
}

function hostileTargets(test: BenchTest): void {
  test('run() resolves targets inside the root, wherever links lead', async ({ sh, rootfs, directory }) => {
    makeDirs(join(directory, 'victim'))
    symlinkSync(join(directory, 'victim'), join(rootfs, 'absolute'))
    symlinkSync(`../../../../../..${directory}/victim`, join(rootfs, 'relative'))
    symlinkSync('loop', join(rootfs, 'loop'))
    mkdirSync(join(rootfs, 'real'))
    symlinkSync('real', join(rootfs, 'inner'))
    const secret = (target: string) =>
      [{ kind: 'secret', target, data: Buffer.from('s'), mode: 0o400, uid: 0, gid: 0 }] as const
    for (const link of ['absolute', 'relative']) {
      assert.is((await sh(`cat ${directory}/victim/s`, { mounts: secret(`/${link}/s`) })).stdout, 's')
      assert.equal(readdirSync(join(directory, 'victim')), [])
    }
    assert.is((await sh('cat /real/s', { mounts: secret('/inner/s') })).stdout, 's')
    assert.is((await rejection(sh('true', { mounts: secret('/loop/s') }))).code, 'MOUNT_UNUSABLE')
    assert.is((await rejection(sh('true', { mounts: secret('/bin/busybox/s') }))).code, 'MOUNT_UNUSABLE')
    assert.is((await rejection(sh('true', { mounts: secret('/etc') }))).code, 'MOUNT_UNUSABLE')
  })

  test('run() follows a link in place of /etc/resolv.conf inside the root', async ({
    sh,
    rootfs,
    overlay,
    directory,
  }) => {
    symlinkSync('../run/systemd/resolve/stub.conf', join(rootfs, 'etc/resolv.conf'))
    const root = overlay()
    assert.is(
      (await sh('cat /run/systemd/resolve/stub.conf', { root })).stdout,
      readFileSync('/etc/resolv.conf', 'utf8'),
    )
    assert.not.ok(existsSync(join(directory, root.upper, 'run/systemd')))
  })

  for (const name of ['proc', 'sys', 'dev']) {
    test(`run() rejects a link in place of /${name} with ROOT_UNUSABLE`, async ({ sh, overlay, directory, step }) => {
      makeDirs(join(directory, 'evil'))
      symlinkSync('/etc', join(directory, 'evil', name))
      assert.is((await rejection(sh('true', { root: overlay('evil', 'rootfs') }))).code, 'ROOT_UNUSABLE')
      assert.is((await step(['echo', 'next'])).stdout, 'next\n')
    })
  }

  test('run() rejects a root that is not there with ROOT_UNUSABLE', async ({ sh, directory }) => {
    const root = { kind: 'bind', source: join(directory, 'nothing'), readonly: false } as const
    assert.is((await rejection(sh('true', { root }))).code, 'ROOT_UNUSABLE')
  })
}
