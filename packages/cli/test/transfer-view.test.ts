import type { PullEvent, PushEvent } from '@tsbuild/core'
import { digestOf } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { transferLine } from '../dist/progress/transfer-status.js'
import { createTransferView } from '../dist/progress/transfer-view.js'
import { textWidth } from '../dist/progress/width.js'
import { asTerminal, Sink } from './fake-io.js'

const layers = Array.from({ length: 40 }, (_, index) => digestOf(`layer ${index}`))
const [one = digestOf('1'), two = digestOf('2')] = layers
const id = (digest: string) => digest.slice(7, 19)
const image = {
  kind: 'image',
  name: 'docker.io/library/app:1',
  registry: 'docker.io',
  repository: 'library/app',
  reference: '1',
} as const
const layer = (
  digest: typeof one,
  state: Extract<PullEvent, { kind: 'layer' }>['state'],
  bytes?: number,
): PullEvent => ({
  kind: 'layer',
  digest,
  state,
  ...(bytes === undefined ? {} : { bytes, total: 4_000_000 }),
})

function show(sink: Sink, pulls: readonly PullEvent[], pushes: readonly PushEvent[] = []): string {
  const view = createTransferView({ env: {}, stderr: asTerminal(sink) }, false)
  for (const event of pulls) view.pulling(event)
  for (const event of pushes) view.pushing(event)
  view.close()
  view.close()
  return sink.text
}

/** What is left on a terminal's screen: cursor up, clear to the end of the line and of the screen. */
function screen(text: string): string[] {
  const lines: string[] = ['']
  let row = 0
  const visible = text.replaceAll('\x1b', '␛')
  for (const [, up, , char] of visible.matchAll(/␛\[(\d+)A|(␛\[[?0-9]*[a-zA-Z])|([\s\S])/g)) {
    if (up !== undefined) row -= Number(up)
    else if (char === '\n') lines[++row] ??= ''
    else if (char === '\r') lines[row] = ''
    else if (char !== undefined) lines[row] += char
    if (up !== undefined) for (let index = row; index < lines.length; index++) lines[index] = ''
  }
  return lines.filter((line) => line !== '')
}

tests('transfer view', (test) => {
  const pulls: PullEvent[] = [
    image,
    layer(one, 'exists'),
    layer(two, 'waiting'),
    layer(two, 'downloading'),
    layer(two, 'downloading', 1_000_000),
    layer(two, 'downloading', 2_000_000),
    layer(two, 'verifying'),
    layer(two, 'downloaded'),
    layer(two, 'extracting', 10),
    layer(two, 'complete'),
  ]

  test('a pipe gets a line for each change', () => {
    assert.equal(show(new Sink(), pulls).trim().split('\n'), [
      '1: Pulling from library/app',
      `${id(one)}: Already exists`,
      `${id(two)}: Pulling fs layer`,
      `${id(two)}: Downloading`,
      `${id(two)}: Verifying Checksum`,
      `${id(two)}: Download complete`,
      `${id(two)}: Extracting`,
      `${id(two)}: Pull complete`,
    ])
  })

  test('a terminal ends with one line for each layer, under the title of each image', () => {
    const sink = new Sink({ columns: 80, rows: 24 })
    const next = { ...image, reference: '2' }
    const shown = screen(show(sink, [...pulls, next, layer(one, 'exists')]))
    assert.equal(shown, [
      '1: Pulling from library/app',
      `${id(one)}: Already exists`,
      `${id(two)}: Pull complete`,
      '2: Pulling from library/app',
      `${id(one)}: Already exists`,
    ])
    assert.ok(sink.text.endsWith('\x1b[?25h'), 'the cursor is shown again')
  })

  test('pushes are told in Docker’s words', () => {
    const target = { ...image, registry: 'localhost:5000', repository: 'a/b', name: 'localhost:5000/a/b:1' }
    const pushes: PushEvent[] = [
      target,
      { kind: 'layer', digest: one, state: 'preparing' },
      { kind: 'layer', digest: one, state: 'mounted', from: 'library/debian' },
      { kind: 'layer', digest: two, state: 'exists' },
    ]
    assert.equal(show(new Sink(), [], pushes).trim().split('\n'), [
      'The push refers to repository [localhost:5000/a/b]',
      `${id(one)}: Preparing`,
      `${id(one)}: Mounted from library/debian`,
      `${id(two)}: Layer already exists`,
    ])
  })

  test('transferLine() draws a bar as wide as there is room', () => {
    const status = { id: 'abc', status: 'Downloading', bytes: 1_000_000, total: 4_000_000 }
    assert.is(transferLine(status, 120), `abc: Downloading [${'='.repeat(12)}>${' '.repeat(37)}]  1MB/4MB`)
    assert.is(transferLine({ ...status, bytes: 5_000_000 }, 120), `abc: Downloading [${'='.repeat(50)}]  4MB/4MB`)
    assert.is(transferLine(status, 50), 'abc: Downloading 1MB/4MB')
    for (const columns of [10, 60, 80, 300])
      assert.ok(textWidth(transferLine(status, columns)) <= Math.max(columns, 40))
  })

  test('a quiet view says nothing', () => {
    const sink = new Sink()
    const view = createTransferView({ env: {}, stderr: asTerminal(sink) }, true)
    view.line('x')
    for (const event of pulls) view.pulling(event)
    view.close()
    assert.is(sink.text, '')
  })
})
