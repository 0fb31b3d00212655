import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { readSsh } from '../dist/build/ssh.js'

tests('ssh', (test) => {
  test('readSsh() tells sockets from key files, and refuses what is neither', async () => {
    await using dir = await tempDir()
    const at = (name: string) => join(dir.path, name)
    await writeFile(at('a'), '')
    await writeFile(at('b=c'), '')
    await mkdir(at('folder'))
    const server = createServer().listen(at('sock'))
    try {
      await once(server, 'listening')
      const env = { SSH_AUTH_SOCK: '/run/agent' }
      assert.equal(readSsh([], env, '.'), {})
      for (const context of ['ssh://git@host/repo.git', 'git@host:repo'])
        assert.equal(readSsh([], env, context), { default: { socket: env.SSH_AUTH_SOCK } })
      assert.equal(readSsh([], {}, 'git@host:repo'), {})
      assert.equal(readSsh([], env, 'https://git@host/repo.git'), {})
      assert.equal(readSsh(['default', `x=${at('sock')}`, `y=${at('a')},${at('b=c')}`], env, '.'), {
        default: { socket: '/run/agent' },
        x: { socket: at('sock') },
        y: { keys: [at('a'), at('b=c')] },
      })
      const none = [`=${at('a')}`, '', 'x=', `x=${at('a')},`, `x=${at('none')}`, `x=${at('folder')}`]
      for (const text of ['default', ...none, `x=${at('a')},${at('sock')}`]) {
        assert.throws(
          () => readSsh([text], {}, '.'),
          (error: unknown) => hasCode(error, 'ARGUMENT_INVALID'),
          text,
        )
      }
    } finally {
      server.close()
    }
  })
})
