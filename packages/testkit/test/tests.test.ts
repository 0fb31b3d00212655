import { stat } from 'node:fs/promises'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

tests('testkit', (test) => {
  test('tests() fails where no test is registered', () => {
    assert.throws(() => tests('empty', () => {}), /no test registered/)
  })
  test('tempDir() is gone after its scope', async () => {
    let path: string
    {
      await using dir = await tempDir()
      path = dir.path
      assert.ok((await stat(path)).isDirectory())
    }
    await stat(path).then(
      () => assert.unreachable(),
      (error) => assert.is(error.code, 'ENOENT'),
    )
  })
})
