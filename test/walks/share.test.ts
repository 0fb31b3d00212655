import { join } from 'node:path'
import { command, findProgram, registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ContainerWorkspace, containerSkip, containerWorkspace } from '../container-workspace.js'

const skip = containerSkip()

function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.find((name) => findProgram(name) === undefined)
  return skip ?? (absent === undefined ? undefined : `${absent} is not installed`)
}

const says = 'made by hand'

/** Commits an image that prints a file of the container it was made of. Its id. */
async function committed(work: ContainerWorkspace, name: string): Promise<string> {
  await work.ok(['run', '--name', 'made', 'bb', 'sh', '-c', `echo ${says} > /note`])
  return await work.ok(['commit', '-m', 'a note', '-c', 'CMD ["cat","/note"]', 'made', name])
}

tests('walk: share an image', (test) => {
  test(
    'an image is tagged for a registry, pushed, removed, pulled and run',
    async () => {
      await using registry = await startRegistry()
      await using work = await containerWorkspace()
      const id = await committed(work, 'note')
      const remote = `${registry.host}/student/note:v1`
      await work.ok(['tag', 'note', remote])
      await work.ok(['push', remote])
      await work.ok(['rm', 'made'])
      const removed = `${await work.ok(['rmi', 'note'])}\n${await work.ok(['rmi', remote])}`
      assert.match(removed, /^Untagged: note:latest\n/)
      assert.ok(removed.includes(`Deleted: ${id}`), removed)
      assert.is((await work.tsbuild(['run', '--rm', '--pull', 'never', remote])).code, 125)
      await work.ok(['pull', remote])
      assert.is(await work.ok(['inspect', '-f', '{{.Id}}', remote]), id)
      assert.is(await work.ok(['run', '--rm', remote]), says)
      if (findProgram('skopeo') === undefined) return
      const config = await command('skopeo', ['inspect', '--tls-verify=false', '--config', `docker://${remote}`])
      const { history } = JSON.parse(config) as { history: { comment?: string }[] }
      assert.is(history.at(-1)?.comment, 'a note')
    },
    { skip: skip ?? registryProblem(), timeoutMs: 120_000 },
  )

  test(
    'an image is saved, loaded into a second root folder and run there',
    async () => {
      await using work = await containerWorkspace()
      const id = await committed(work, 'note:v1')
      const archive = join(work.path, 'note.tar')
      await work.ok(['save', '-o', archive, 'note:v1'])
      await using other = await containerWorkspace()
      assert.match(await other.ok(['load', '-i', archive]), /Loaded image: note:v1/)
      assert.is(await other.ok(['inspect', '-f', '{{.Id}}', 'note:v1']), id)
      assert.is(await other.ok(['run', '--rm', 'note:v1']), says)
      const lines = (name: ContainerWorkspace) =>
        name.ok(['history', '--format', '{{.CreatedBy}} {{.Comment}}', 'note:v1'])
      assert.is(await lines(other), await lines(work))
    },
    { skip, timeoutMs: 120_000 },
  )

  test(
    'podman loads and runs a committed image',
    async () => {
      await using work = await containerWorkspace()
      await using store = await tempDir('tsbuild-podman-')
      const id = await committed(work, 'localhost/note:v1')
      const archive = join(work.path, 'note.tar')
      await work.ok(['save', '-o', archive, 'localhost/note:v1'])
      const directories = ['root', 'runroot', 'tmpdir'].flatMap((name) => [`--${name}`, join(store.path, name)])
      const podman = (...args: string[]) =>
        command('podman', [...directories, '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', ...args])
      try {
        await podman('load', '-i', archive)
        const found = await podman('image', 'inspect', '--format', '{{.Id}}', 'localhost/note:v1')
        assert.is(`sha256:${found.trim()}`, id)
        const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
        const said = await podman('run', '--rm', '--network', 'host', ...limits, 'localhost/note:v1')
        assert.is(said.trim(), says)
      } finally {
        const mounts = `grep -o ' ${store.path}[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l`
        await command('sh', ['-c', mounts])
      }
    },
    { skip: missing('podman', 'runc'), timeoutMs: 120_000 },
  )
})
