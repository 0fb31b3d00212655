import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { readSecrets } from '../dist/build/secrets.js'

tests('secrets', (test) => {
  test('readSecrets() takes values from files and from the environment', async () => {
    await using dir = await tempDir()
    const file = join(dir.path, 'a,b')
    await writeFile(file, Buffer.from([0x70, 0x77, 0x0a, 0xff]))
    const env = { TOKEN: 'pw', both: 'from env' }
    const vectors: [string, Buffer][] = [
      [`id=x,"src=${file}"`, Buffer.from([0x70, 0x77, 0x0a, 0xff])],
      [`type=file,id=x,"source=${file}"`, Buffer.from([0x70, 0x77, 0x0a, 0xff])],
      ['id=x,env=TOKEN', Buffer.from('pw')],
      ['type=env,id=x,src=TOKEN', Buffer.from('pw')],
      ['id=TOKEN', Buffer.from('pw')],
    ]
    for (const [text, value] of vectors) {
      const [data] = Object.values(readSecrets([text], env))
      assert.ok(data !== undefined && value.equals(data), text)
    }
    assert.equal(Object.keys(readSecrets(['id=a,env=TOKEN', 'id=b,env=both'], env)), ['a', 'b'])
  })

  test('readSecrets() refuses what it can not read', () => {
    for (const text of [
      '',
      'src=x',
      'id=',
      'id=a,what=b',
      'id=a,type=ssh',
      'id=a,env=NONE',
      'id=a,src=/no/such/file',
      'id=none',
      '"id=a',
    ]) {
      assert.throws(
        () => readSecrets([text], {}),
        (error: unknown) => hasCode(error, 'ARGUMENT_INVALID'),
        text,
      )
    }
  })
})
