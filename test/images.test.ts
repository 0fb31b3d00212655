import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { command, makeBusyboxRootfs, tarOf, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip()

async function importFile(work: Workspace, name: string, content: string, ...more: readonly string[]): Promise<string> {
  return await work.ok(['import', ...more, '-', name], { input: tarOf({ name: 'file', data: content }) })
}

tests('images on the command line', (test) => {
  test(
    'images lists, filters and formats as Docker does',
    async () => {
      await using work = await workspace()
      const id = await importFile(work, 'team/app:1', 'a', '-c', 'LABEL tier=web')
      await importFile(work, 'db:2', 'b')
      const list = async (...args: string[]) =>
        (await work.ok(['images', '--format', '{{.Repository}}:{{.Tag}}', ...args])).split('\n').sort().join(' ')
      assert.is(await list(), 'db:2 team/app:1')
      assert.is(await list('--filter', 'label=tier'), 'team/app:1')
      assert.is(await list('-f', 'reference=*/*'), 'team/app:1')
      assert.is(await list('db'), 'db:2')
      assert.is(await list('--filter', 'before=db:2'), 'team/app:1')
      assert.is(await list('--filter', 'until=1h'), '')
      assert.is(await work.ok(['image', 'ls', '-q', '--no-trunc', 'team/app']), id)
      const wrong = await work.tsbuild(['images', '--filter', 'color=red'])
      assert.is(wrong.code, 125)
      assert.match(wrong.stderr, /there is no filter "color"/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'rmi says what it did, goes on after a failure, and exits with 1',
    async () => {
      await using work = await workspace()
      const id = await importFile(work, 'app:1', 'a')
      await work.ok(['tag', 'app:1', 'app:2'])
      const layer = await work.ok(['inspect', '--format', '{{index .RootFS.Layers 0}}', 'app:1'])
      const first = await work.tsbuild(['rmi', 'app:1', 'ap:2', 'app:2'])
      assert.is(first.code, 1)
      assert.is(first.stdout, `Untagged: app:1\nUntagged: app:2\nDeleted: ${id}\nDeleted: ${layer}\n`)
      assert.match(first.stderr, /Cannot find image "ap:2": no such image\nHint: Did you mean "app:2"\?/)
      const forced = await work.tsbuild(['image', 'rm', '-f', 'app:2'])
      assert.is(forced.code, 0, forced.stderr)
      assert.match(forced.stderr, /no such image/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'image prune asks on a terminal only, and tells the space',
    async () => {
      await using work = await workspace()
      await work.ok(['import', '-'], { input: tarOf({ name: 'file', data: 'x'.repeat(20_000) }) })
      const unasked = await work.tsbuild(['image', 'prune'])
      assert.is(unasked.code, 1)
      assert.match(unasked.stderr, /Use --force/)
      const pruned = await work.ok(['image', 'prune', '-f'])
      assert.match(
        pruned,
        /^Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\n[\s\S]*\nTotal reclaimed space: 2\d(\.\d)?kB$/,
      )
      assert.is(await work.ok(['image', 'prune', '-a', '-f']), 'Total reclaimed space: 0B')
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'inspect shows what was found, with directories that are there, and exits with 1 for the rest',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /one\nCOPY Dockerfile /two\n' })
      await work.ok(['build', '-q', '-t', 'app', work.context])
      const { code, stdout, stderr } = await work.tsbuild(['inspect', '--type', 'image', 'app', 'none', 'app:latest'])
      assert.is(code, 1)
      assert.match(stderr, /Cannot find image "none"/)
      const images = JSON.parse(stdout) as { GraphDriver: { Name: string; Data: Record<string, string> } }[]
      assert.is(images.length, 2)
      const { Data } = images[0]!.GraphDriver
      assert.match(await readFile(join(Data['UpperDir'] ?? '', 'two'), 'utf8'), /FROM scratch/)
      assert.match(await readFile(join(Data['LowerDir'] ?? '', 'one'), 'utf8'), /FROM scratch/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'import makes an image that runs, from a file, standard input or an address',
    async () => {
      await using work = await workspace()
      const path = join(work.path, 'rootfs.tar')
      await makeBusyboxRootfs(join(work.path, 'rootfs'))
      await command('tar', ['-cf', path, '-C', join(work.path, 'rootfs'), '.'])
      const rootfs = await readFile(path)
      const changes = ['-c', 'CMD ["cat", "/etc/passwd"]', '-c', 'ENV A=b', '-m', 'by hand']
      await work.ok(['import', ...changes, path, 'busy:1'])
      assert.is(await work.ok(['history', '--format', '{{.Comment}}', 'busy:1']), 'by hand')
      await work.write({ Dockerfile: 'FROM busy:1\nRUN test "$A" = b && echo made > /made\n' })
      await work.ok(['build', '-q', '-t', 'made', work.context])
      const server = createServer((request, response) => {
        if (request.url === '/rootfs.tar') response.end(rootfs)
        else response.writeHead(404).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      try {
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const id = await work.ok(['import', `${address}/rootfs.tar`])
        const layers = (name: string) => work.ok(['inspect', '--format', '{{json .RootFS.Layers}}', name])
        assert.is(await layers(id), await layers('busy:1'))
        const missing = await work.tsbuild(['import', `${address}/none.tar`])
        assert.is(missing.code, 1)
        assert.match(missing.stderr, /404/)
      } finally {
        server.close()
      }
      const wrong = await work.tsbuild(['import', '-c', 'RUN x', path])
      assert.match(wrong.stderr, /Cannot apply change "RUN x": "RUN" is not allowed here/)
      await work.write({ text: 'no tar' })
      const noTar = await work.tsbuild(['import', join(work.context, 'text')])
      assert.is(noTar.code, 1)
      assert.match(noTar.stderr, /Cannot import/)
      assert.ok((await stat(path)).size > 0)
    },
    { skip, timeoutMs: 60_000 },
  )
})
