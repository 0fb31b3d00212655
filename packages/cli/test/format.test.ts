import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { formatExcerpt } from '../dist/excerpt.js'
import { formatAge, formatSince } from '../dist/format/age.js'
import { formatList } from '../dist/format/list.js'
import { formatBytes, formatSize, parseBytes } from '../dist/format/size.js'
import { formatTable } from '../dist/format/table.js'
import { plainText, textWidth, truncate } from '../dist/progress/width.js'

const second = 1000
const hour = 3600 * second
const day = 24 * hour

tests('formats', (test) => {
  const sizes: readonly [number, string][] = [
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1236, '1.24kB'],
    [116_900_000, '117MB'],
    [999_900, '1MB'],
    [4_567_000_000, '4.57GB'],
  ]
  for (const [bytes, text] of sizes) test(`formatSize() shows ${bytes}`, () => assert.is(formatSize(bytes), text))

  test('formatBytes() shows two decimals', () => {
    assert.equal([0, 12, 12_345, 999_999, 30_000_000].map(formatBytes), ['0B', '12B', '12.35kB', '1.00MB', '30.00MB'])
  })

  const bytes: Record<string, number | undefined> = {
    '64m': 64 * 2 ** 20,
    '1g': 2 ** 30,
    '1.5k': 1536,
    '1024': 1024,
    '1KiB': 1024,
    '2MB': 2 ** 21,
    x: undefined,
    '': undefined,
    '-1': undefined,
  }
  for (const [text, value] of Object.entries(bytes))
    test(`parseBytes() reads "${text}"`, () => assert.is(parseBytes(text), value))

  const ages: readonly [number, string][] = [
    [500, 'Less than a second'],
    [1 * second, '1 second'],
    [59 * second, '59 seconds'],
    [60 * second, 'About a minute'],
    [120 * second, '2 minutes'],
    [hour, 'About an hour'],
    [5 * hour, '5 hours'],
    [47 * hour, '47 hours'],
    [3 * day, '3 days'],
    [15 * day, '2 weeks'],
    [90 * day, '3 months'],
    [800 * day, '2 years'],
  ]
  for (const [ms, text] of ages) test(`formatAge() shows ${ms} ms`, () => assert.is(formatAge(ms), text))

  test('formatSince() takes dates, none and broken ones', () => {
    const now = Date.parse('2024-01-02T00:00:00Z')
    assert.is(formatSince('2024-01-01T00:00:00Z', now), '24 hours ago')
    assert.is(formatSince('2025-01-01T00:00:00Z', now), 'Less than a second ago')
    assert.is(formatSince(undefined, now), 'N/A')
    assert.is(formatSince('nonsense', now), 'N/A')
  })

  test('formatTable() lines up columns, wide characters included', () => {
    const rows = [
      ['REPOSITORY', 'TAG', 'SIZE'],
      ['日本', 'v1', '1kB'],
    ]
    assert.is(formatTable(rows), 'REPOSITORY   TAG       SIZE\n日本         v1        1kB\n')
  })

  const columns = [
    ['REPOSITORY', 'Repository'],
    ['IMAGE ID', 'ID'],
  ] as const
  const rows = [{ Repository: 'app', ID: 'abc' }]
  const lists: Record<string, string> = {
    table: 'REPOSITORY   IMAGE ID\napp          abc\n',
    json: '{"Repository":"app","ID":"abc"}\n',
    '{{.ID}}\\t{{.Repository}}': 'abc\tapp\n',
    'table {{.ID}}\\t{{.Repository}}': 'IMAGE ID   REPOSITORY\nabc        app\n',
  }
  for (const [format, text] of Object.entries(lists)) {
    test(`formatList() shows "${format}"`, () => assert.is(formatList(rows, columns, format), text))
  }
  test('formatList() shows the headers of an empty table', () =>
    assert.is(formatList([], columns), 'REPOSITORY   IMAGE ID\n'))

  test('textWidth() and truncate() count columns', () => {
    assert.equal(['abc', '日本', 'e\u0301', '👍', ''].map(textWidth), [3, 4, 1, 2, 0])
    assert.is(truncate('abcdef', 6), 'abcdef')
    assert.is(truncate('abcdefg', 6), 'abcde…')
    assert.is(truncate('日本語', 5), '日本…')
    assert.is(truncate('日本語', 4), '日…')
  })

  test('plainText() leaves what a terminal would show', () => {
    assert.is(plainText('\x1b[31mred\x1b[0m\x1b]0;title\x07 ok'), 'red ok')
    assert.is(plainText(' 10%\r 50%\r100%\r'), '100%')
    assert.is(plainText('a\tb\x00\x08c'), 'a    bc')
  })

  test('formatExcerpt() marks the lines of a range', () => {
    const text = 'FROM a\nRUN x \\\n  y\nCMD z\n'
    const rule = '-'.repeat(20)
    const expected = [
      `F:2`,
      rule,
      '   1 |     FROM a',
      '   2 | >>> RUN x \\',
      '   3 | >>>   y',
      '   4 |     CMD z',
      rule,
      '',
    ]
    assert.is(formatExcerpt('F', text, 2, 3), expected.join('\n'))
    assert.match(formatExcerpt('F', 'A\nB\n', 9, 9), /2 \| >>> B/)
    assert.match(formatExcerpt('F', '', 1, 1), /1 \| >>>/)
  })
})
