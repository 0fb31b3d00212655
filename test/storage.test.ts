import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { workspace } from './workspace.js'

const skip = process.getuid?.() === 0 ? undefined : 'needs root'
const dockerfile = 'FROM scratch\nCOPY small /a\nCOPY large /b\n'

tests('tsbuild du, prune and fsck', (test) => {
  const options = { skip, timeoutMs: 120_000 }

  test(
    'du lists what builds have cached; prune asks, limits and removes',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: dockerfile, small: 'x'.repeat(1000), large: 'x'.repeat(3000) })
      const out = ['--output', `type=local,dest=${join(work.path, 'out')}`]
      await work.ok(['build', ...out, work.context])
      const list = await work.ok(['du'])
      assert.match(list, /^ID +RECLAIMABLE +SIZE +LAST ACCESSED +DESCRIPTION\n/)
      assert.match(list, /true +3kB .* COPY large \/b\n/)
      assert.match(list, /\nReclaimable: +4kB\nTotal: +4kB$/)
      assert.match(await work.ok(['du', '--verbose']), /Usage count: +0\nLast used: .* ago\nType: +regular\n/)
      const rows = (await work.ok(['du', '--format', 'json'])).split('\n').map((line) => JSON.parse(line))
      assert.equal(rows.map(({ SizeBytes }) => SizeBytes).sort(), ['1000', '3000'])
      assert.is(await work.ok(['du', '--filter', 'description~=large', '--format', '{{.Size}}']), '3kB')
      assert.is(await work.ok(['du', '--filter', 'type=exec.cachemount', '--format', '{{.ID}}']), '')

      const unasked = await work.tsbuild(['prune'])
      assert.is(unasked.code, 1)
      assert.match(unasked.stderr, /Use --force/)
      for (const bad of [
        ['--filter', 'size=1'],
        ['--filter', 'type=x'],
        ['--max-used-space', 'much'],
        ['--filter', 'id='],
      ]) {
        assert.is((await work.tsbuild(['prune', '-f', ...bad])).code, 125, bad.join(' '))
      }
      assert.is(await work.ok(['prune', '-f', '--filter', 'unused-for=1h']), 'Total:\t0B')
      assert.match(await work.ok(['prune', '-f', '--max-used-space', '1kb']), /3kB +.*COPY large \/b\nTotal:\t3kB$/)
      assert.match(await work.ok(['prune', '-af']), /Total:\t1kB$/)
      assert.match(await work.ok(['du']), /\nTotal: +0B$/)
      assert.is(await work.ok(['fsck']), 'Nothing is wrong.')
    },
    options,
  )

  test(
    'fsck tells what is wrong with code 1, and mends it with --repair',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: dockerfile, small: 'x', large: 'y' })
      await work.ok(['build', '-t', 'app', work.context])
      assert.is(await work.ok(['fsck', '--deep']), 'Nothing is wrong.')
      const snapshots = join(work.root, 'snapshots')
      for (const name of await readdir(snapshots)) {
        if (!name.startsWith('_')) await rm(join(snapshots, name), { recursive: true })
      }
      const found = await work.tsbuild(['fsck'])
      assert.is(found.code, 1)
      assert.match(
        found.stdout,
        /^error recordDangling \[.*\] COPY small \/a: its layer \w+ is not there \(repair: forget/m,
      )
      assert.match(found.stdout, /^error imageIncomplete docker.io\/library\/app:latest: /m)
      assert.match(found.stdout, /Found 3 errors and \d+ leftovers\. Run "tsbuild fsck --repair" to mend\.\n$/)
      const json = JSON.parse((await work.tsbuild(['fsck', '--format', 'json'])).stdout)
      assert.is(json.clean, false)
      assert.match(await work.ok(['fsck', '--repair']), /\(repaired\)/)
      assert.is(await work.ok(['fsck', '--deep']), 'Nothing is wrong.')
      await work.ok(['build', '-t', 'app', work.context])
    },
    options,
  )

  test(
    'a RUN that fills the disk runs once more when what is not used is gone; cache mounts are listed and pruned',
    async () => {
      await using work = await workspace()
      await mkdir(work.root)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', work.root])
      await using _mounted = { [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', work.root]) }
      await copyFile('/bin/busybox', join(work.context, 'busybox'))
      const build = async (name: string, megabytes: number) => {
        const command = `"/bin/busybox", "dd", "if=/dev/zero", "of=/${name}", "bs=1048576", "count=${megabytes}"`
        const mount = '--mount=type=cache,id=things,target=/things'
        const run = `RUN ${mount} [${command}]`
        await work.write({
          Dockerfile: `FROM scratch\nCOPY busybox /bin/\n${run}\nFROM scratch\nCOPY --from=0 /bin /\n`,
        })
        const more = ['--target', '0', '--output', 'type=tar,dest=/dev/null', '--progress', 'plain']
        return await work.tsbuild(['build', ...more, work.context])
      }
      for (const name of ['one', 'two']) assert.is((await build(name, 30)).code, 0)
      const third = await build('three', 50)
      assert.is(third.code, 0, third.stderr)
      assert.match(await work.ok(['du']), /dd.*three/)
      assert.is(await work.ok(['fsck', '--deep']), 'Nothing is wrong.')
      const mounts = ['--filter', 'type=exec.cachemount']
      assert.is(await work.ok(['du', ...mounts, '--format', '{{.Description}}']), 'cache mount things')
      assert.match(await work.ok(['prune', '-f', ...mounts]), /cache mount things/)
      assert.is(await work.ok(['du', ...mounts, '--format', '{{.ID}}']), '')
    },
    { ...options, skip: skip ?? (existsSync('/bin/busybox') ? undefined : 'needs /bin/busybox') },
  )
})
