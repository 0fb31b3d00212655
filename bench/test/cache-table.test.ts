import assert from 'node:assert/strict'
import { tests } from '@tsbuild/testkit'
import { exportTable, importTable, type Sample, type Scenario } from '../dist/figures/cache-table.js'

const sample = (ms: number, sentBytes = 0, fetchedBytes = 0): Sample => ({ ms, sentBytes, fetchedBytes })

const ours = new Map<Scenario, Sample>([
  ['cached', sample(400)],
  ['first', sample(4400, 50e6)],
  ['second', sample(500, 1300)],
  ['nothing', sample(600, 0, 24_300)],
  ['image', sample(2000, 0, 50e6)],
])
const theirs = new Map<Scenario, Sample>([
  ['cached', sample(500)],
  ['first', sample(500, 0)],
  ['second', sample(450, 0)],
])
const table = [
  {
    workload: 'w',
    samples: new Map([
      ['a', ours],
      ['b', theirs],
    ]),
  },
]

/** Cells by the name of their line. */
function lines(markdown: string): Record<string, string[]> {
  const rows = markdown.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return Object.fromEntries(rows.map(([, , label = '', ...cells]) => [label, cells.slice(0, -1)]))
}

tests('cache tables', (test) => {
  test('exportTable() holds the second export against the first, with and without the build', () => {
    const cells = lines(exportTable(table, ['a', 'b']))
    assert.deepEqual(cells['first export, s'], ['4.40', '0.500'])
    assert.deepEqual(cells['second export, sent'], ['1.3 kB', '0.0 kB'])
    assert.deepEqual(cells['second ÷ first, whole commands'], ['11.4 %', '90.0 %'])
    // b: an export that takes less than nothing is no ratio.
    assert.deepEqual(cells['second ÷ first, alone'], ['2.5 %', '–'])
    assert.deepEqual(cells['second ÷ first, bytes'], ['0.0 %', '–'])
  })

  test('importTable() leaves out what a builder can not do', () => {
    const cells = lines(importTable(table, ['a', 'b']))
    assert.deepEqual(cells['no image kept, fetched'], ['24.3 kB', '–'])
    assert.deepEqual(cells['image in the store, s'], ['2.00', '–'])
  })
})
