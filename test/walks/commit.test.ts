import { execFileSync } from 'node:child_process'
import { freePort, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ContainerWorkspace, containerSkip, containerWorkspace, until } from '../container-workspace.js'

const options = { skip: containerSkip(), timeoutMs: 120_000 }

/** Imports a root file system as the base of the walk. */
async function importBase(work: ContainerWorkspace): Promise<void> {
  const tar = execFileSync('tar', ['-c', '-C', work.context, '.'], { maxBuffer: 1 << 26 })
  const id = await work.ok(['import', '-c', 'CMD ["/bin/sh"]', '-', 'base:1'], { input: tar })
  assert.match(id, /^sha256:[0-9a-f]{64}$/)
}

/** The lines of `history`, newest first. */
async function history(work: ContainerWorkspace, image: string): Promise<string[]> {
  return (await work.ok(['history', '--format', '{{.CreatedBy}}|{{.Comment}}', '--no-trunc', image])).split('\n')
}

async function fetched(url: string): Promise<string> {
  let text = ''
  await until(`an answer of ${url}`, async () => {
    const response = await fetch(url).catch(() => undefined)
    text = (await response?.text()) ?? ''
    return response?.ok === true
  })
  return text
}

tests('walk: change a container and commit it', (test) => {
  test(
    'a base is imported, a container creates a file, and the committed image has it',
    async () => {
      await using work = await containerWorkspace()
      await importBase(work)
      const session = work.begin(['run', '-i', '--name', 'first', 'base:1'])
      session.child.stdin?.end('echo hello from the container > /newfile\nexit\n')
      assert.is((await session.ended).code, 0)
      assert.is(await work.ok(['diff', 'first']), 'A /newfile')
      const id = await work.ok(['commit', '-m', 'one file more', 'first', 'student/first'])
      assert.match(id, /^sha256:[0-9a-f]{64}$/)
      const images = await work.ok(['images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}'])
      assert.ok(images.split('\n').includes(`student/first:latest ${id.slice(7, 19)}`), images)
      assert.is(await work.ok(['run', '--rm', 'student/first', 'cat', '/newfile']), 'hello from the container')
      const base = await history(work, 'base:1')
      const mine = await history(work, 'student/first')
      assert.equal(mine, ['/bin/sh|one file more', ...base])
      assert.is((await work.tsbuild(['run', '--rm', 'base:1', 'cat', '/newfile'])).code, 1)
    },
    options,
  )

  test(
    'commit -a -c CMD makes a web server, which serves the page of the container',
    async () => {
      await using work = await containerWorkspace()
      await importBase(work)
      const script = 'mkdir -p /data/html && echo "<h1>It works</h1>" > /data/html/index.html'
      await work.ok(['run', '--name', 'pages', 'base:1', 'sh', '-c', script])
      const port = await freePort()
      const command = ['/bin/httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', '/data/html']
      const author = 'Ada <ada@example.com>'
      const args = ['-a', author, '-m', 'a page', '-c', `CMD ${JSON.stringify(command)}`, '-c', `EXPOSE ${port}`]
      await work.ok(['commit', ...args, 'pages', 'student/httpd:v1'])
      const shown = await work.ok(['inspect', '-f', '{{json .Config.Cmd}} {{.Author}}', 'student/httpd:v1'])
      assert.is(shown, `${JSON.stringify(command)} ${author}`)
      const lines = await history(work, 'student/httpd:v1')
      assert.equal(lines, [`sh -c ${script}|a page`, ...(await history(work, 'base:1'))])
      await work.ok(['run', '-d', '--name', 'web', '--network', 'host', 'student/httpd:v1'])
      assert.is(await fetched(`http://127.0.0.1:${port}/`), '<h1>It works</h1>\n')
      await work.ok(['rm', '-f', 'web'])
    },
    options,
  )
})
