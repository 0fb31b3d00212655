import * as assert from 'uvu/assert'
import { baseScript, changeCases } from '../snapshotter-changes.js'
import { type CreateSnapshotter, openFixture } from '../snapshotter-fixture.js'
import type { RegisterTest } from '../tests.js'

/** The canonical diff: what is in a layer, and that the layer shows what was there. */
export function changesConformance(test: RegisterTest, create: CreateSnapshotter): void {
  test(
    'commit() keeps exactly what is different',
    async () => {
      await using fixture = await openFixture(create)
      await fixture.change('base', [], baseScript)
      for (const [index, { title, script, names }] of changeCases.entries()) {
        await fixture.change(`case${index}`, ['base'], script)
        assert.equal(await fixture.names(`case${index}`), [...names], title)
      }
    },
    { timeoutMs: 180_000 },
  )

  test('commit() compares with the whole chain, not with its last layer', async () => {
    await using fixture = await openFixture(create)
    await fixture.change('base', [], baseScript)
    await fixture.change('l2', ['base'], 'rm -r old; echo 2 > dir/two; touch -d @1 dir dir/two')
    await fixture.change('l3', ['base', 'l2'], 'mkdir old; touch -d @2 old')
    assert.equal(await fixture.names('l3'), ['old/'], 'the layer that removed it needs no repetition')
    const back = 'echo two > dir/two; touch -d @1500000000.25 dir/two; echo 2 > dir/two; touch -d @1 dir/two dir'
    await fixture.change('l4', ['base', 'l2', 'l3'], back)
    assert.equal(await fixture.names('l4'), [])
    assert.is(await fixture.look(['base', 'l2', 'l3'], 'find old; cat dir/two'), 'old\n2')
  })

  test(
    'a changed chain shows what the last step saw',
    async () => {
      await using fixture = await openFixture(create)
      const { snapshotter } = fixture
      await fixture.change('base', [], baseScript)
      const list =
        'find . -mindepth 1 ! -type s -printf "%p %y %m %U %G %T@ %l " \\( -type f -exec md5sum {} \\; -o -printf "\\n" \\) | sort'
      for (const [index, { title, script }] of changeCases.entries()) {
        const name = `case${index}`
        await fixture.change(name, ['base'], `${script}\n( ${list} ) > "${fixture.outside}/seen"`)
        const seen = await fixture.look([], `cat "${fixture.outside}/seen"`)
        assert.is(await fixture.look(['base', name], list), seen, title)
      }
      assert.ok(snapshotter)
    },
    { timeoutMs: 180_000 },
  )
}
