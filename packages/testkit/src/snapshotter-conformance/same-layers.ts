import * as assert from 'uvu/assert'
import { baseScript, changeCases } from '../snapshotter-changes.js'
import { type CreateSnapshotter, layer, openFixture } from '../snapshotter-fixture.js'
import type { RegisterTest } from '../tests.js'

/** That two implementations give the same bytes for the same changes. */
export function sameLayersConformance(test: RegisterTest, left: CreateSnapshotter, right: CreateSnapshotter): void {
  const skip = process.getuid?.() === 0 ? undefined : 'needs root to mount snapshots'
  test(
    'both kinds of snapshots give the same layers for the same changes',
    async () => {
      await using one = await openFixture(left)
      await using two = await openFixture(right)
      const derive = async (name: string, layers: string[], script: string) => {
        for (const fixture of [one, two]) await fixture.change(name, layers, script)
        return [await one.snapshotter.derive(layer(name)), await two.snapshotter.derive(layer(name))] as const
      }
      const [first, second] = await derive('base', [], baseScript)
      assert.equal(first, second)
      for (const [index, { title, script }] of changeCases.entries()) {
        const fixTimes = `${script}\nfind . -newermt @1700000000 -exec touch -hd @1650000000 {} +`
        const [a, b] = await derive(`case${index}`, ['base'], fixTimes)
        assert.equal(a, b, title)
        assert.equal(
          await one.snapshotter.usage(layer(`case${index}`)),
          await two.snapshotter.usage(layer(`case${index}`)),
          title,
        )
      }
    },
    { timeoutMs: 240_000, skip },
  )
}
