import type { BuildEvent } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { PlainView } from '../dist/progress/plain.js'
import { formatRawJson } from '../dist/progress/raw-json.js'
import { Script } from './events.js'

function plain(events: readonly BuildEvent[]): string {
  let out = ''
  const view = new PlainView((text) => {
    out += text
  })
  for (const event of events) view.handle(event)
  view.close()
  return out
}

tests('plain progress', (test) => {
  test('PlainView shows steps one after the other', () => {
    const script = new Script()
      .add('[1/3] FROM debian', '[2/3] RUN make', '[3/3] COPY . .')
      .cached('[1/3] FROM debian', 0)
      .start('[2/3] RUN make', 0)
      .log('[2/3] RUN make', 0.1234, 'hello\nwor')
      .log('[2/3] RUN make', 0.2, 'ld\r\n')
      .log('[2/3] RUN make', 0.3, 'no newline')
      .done('[2/3] RUN make', 1.2, 1234)
      .start('[3/3] COPY . .', 1.2)
      .done('[3/3] COPY . .', 1.3, 80)
    assert.is(
      plain(script.events),
      `#1 [1/3] FROM debian
#1 CACHED

#2 [2/3] RUN make
#2 0.123 hello
#2 0.200 world
#2 1.200 no newline
#2 DONE 1.2s

#3 [3/3] COPY . .
#3 DONE 0.1s
`,
    )
  })

  test('PlainView goes on with the steps of a build that starts over', () => {
    const script = new Script().add('a').cached('a', 0).add('a').start('a', 1)
    const { id } = script.events[0] as Extract<BuildEvent, { kind: 'vertexAdded' }>
    const progress: BuildEvent = { kind: 'progress', id, at: 1500, item: 'copying', bytes: 10, total: 10, done: true }
    const events = [...script.events, progress, ...new Script().add('a').done('a', 2, 1000).events]
    assert.match(plain(events), /#1 a\n#1 CACHED\n\n#1 a\n#1 copying 10B (.*\n)+#1 DONE/)
  })

  test('PlainView tells why a step runs, unless it was asked to', () => {
    const script = new Script()
      .add('a', 'b')
      .start('a', 0)
      .missed('a', 0, { kind: 'buildArg', name: 'VERSION', before: '1.2', after: '1.3' })
      .done('a', 0.1, 100)
      .start('b', 0.1)
      .missed('b', 0.1, { kind: 'noCache' })
      .done('b', 0.2, 100)
    assert.is(
      plain(script.events),
      '#1 a\n#1 not cached: build arg VERSION: 1.2 → 1.3\n#1 DONE 0.1s\n\n#2 b\n#2 DONE 0.1s\n',
    )
  })

  test('PlainView keeps the lines of steps that run side by side together', () => {
    const script = new Script().add('a', 'b', 'c').start('a', 0).start('b', 0)
    script.log('a', 0.1, 'a1\n').log('b', 0.2, 'b1\n').log('a', 0.3, 'a2\n').start('c', 0.3).log('c', 0.4, 'c1\n')
    script.done('c', 0.5, 200).log('b', 0.6, 'b2\n').done('a', 0.7, 700).done('b', 0.8, 800)
    assert.is(
      plain(script.events),
      `#1 a
#1 0.100 a1
#1 0.300 a2
#1 DONE 0.7s

#3 c
#3 0.100 c1
#3 DONE 0.2s

#2 b
#2 0.200 b1
#2 0.600 b2
#2 DONE 0.8s
`,
    )
  })

  test('PlainView gives the floor away when a turn is over', () => {
    const script = new Script().add('a', 'b').start('a', 0).start('b', 0).log('a', 0, 'a1\n').log('b', 1, 'b1\n')
    script.log('b', 4, 'b2\n').log('a', 5, 'a2\n').done('b', 6, 6000).done('a', 7, 7000)
    assert.is(
      plain(script.events),
      `#1 a
#1 0.000 a1
#1 ...

#2 b
#2 1.000 b1
#2 4.000 b2
#2 DONE 6.0s

#1 a
#1 5.000 a2
#1 DONE 7.0s
`,
    )
  })

  test('PlainView shows failures, cancellations and transfers', () => {
    const script = new Script().add('pull', 'run', 'other', 'never').start('pull', 0)
    script.progress('pull', 0, 'layer', 0, 30_000_000).progress('pull', 1, 'layer', 9_000_000, 30_000_000)
    script
      .progress('pull', 6, 'layer', 15_000_000, 30_000_000)
      .progress('pull', 7, 'layer', 30_000_000, 30_000_000, true)
    script
      .done('pull', 7, 7000)
      .start('run', 7)
      .start('other', 7)
      .fail('run', 8, 'exit code 2')
      .cancel('other', 8)
      .cancel('never', 8)
    assert.is(
      plain(script.events),
      `#1 pull
#1 layer 0B / 30.00MB 0.0s
#1 layer 15.00MB / 30.00MB 6.0s
#1 layer 30.00MB / 30.00MB 7.0s done
#1 DONE 7.0s

#2 run
#2 ERROR: exit code 2

#3 other
#3 CANCELED
`,
    )
  })

  test('PlainView shows a cached step that runs after all', () => {
    const script = new Script()
      .add('make', 'copy')
      .cached('make', 0, 'imported')
      .start('copy', 0)
      .start('make', 1)
      .log('make', 1.5, 'again\n')
      .done('make', 2.5, 1500)
      .done('copy', 4, 4000)
    assert.is(
      plain(script.events),
      `#1 make
#1 CACHED

#2 copy
#2 DONE 4.0s

#1 make
#1 0.500 again
#1 DONE 1.5s
`,
    )
  })

  test('PlainView shows a cached step that runs at once after all', () => {
    const script = new Script()
      .add('a')
      .cached('a', 0, 'imported')
      .start('a', 1)
      .log('a', 1.5, 'x\n')
      .fail('a', 2, 'no')
    assert.is(plain(script.events), '#1 a\n#1 CACHED\n\n#1 a\n#1 0.500 x\n#1 ERROR: no\n')
  })

  test('PlainView shows imports and exports of the cache as steps', () => {
    const from = 'importing cache from registry localhost:5000/app:cache'
    const to = 'exporting cache to folder out'
    const script = new Script().add(from).start(from, 0).done(from, 0.2, 200)
    script.add(to).start(to, 1).progress(to, 1.1, 'abc', 5_000_000, 5_000_000, true).done(to, 1.5, 500)
    assert.is(
      plain(script.events),
      `#1 ${from}
#1 DONE 0.2s

#2 ${to}
#2 abc 5.00MB / 5.00MB 0.0s done
#2 DONE 0.5s
`,
    )
  })

  test('PlainView puts characters cut by chunks together', () => {
    const bytes = Buffer.from('ü\n')
    const script = new Script().add('a').start('a', 0).log('a', 0, bytes.subarray(0, 1)).log('a', 0, bytes.subarray(1))
    assert.match(plain(script.events), /#1 0\.000 ü\n/)
  })

  test('formatRawJson() gives one line an event, logs as base64', () => {
    const { events } = new Script().add('a').log('a', 1, 'hi\n')
    const lines = events.map(formatRawJson)
    assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1))
    const log = JSON.parse(lines[1] ?? '')
    assert.is(Buffer.from(log.data, 'base64').toString(), 'hi\n')
    assert.is(log.kind, 'log')
  })
})
