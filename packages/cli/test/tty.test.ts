import type { BuildEvent } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { StepView } from '../dist/progress/step.js'
import { TtyView } from '../dist/progress/tty.js'
import { renderTty } from '../dist/progress/tty-render.js'
import { textWidth } from '../dist/progress/width.js'
import { Script } from './events.js'
import { asTerminal, Sink } from './fake-io.js'

const start = 1_700_000_000_000

function render(events: readonly BuildEvent[], seconds: number, options: object = {}): string[] {
  const steps = new Map<string, { step: StepView; tail: string[] }>()
  for (const event of events) {
    if (event.kind === 'warning') continue
    if (event.kind === 'vertexAdded') steps.set(event.id, { step: new StepView(event.id, event.name), tail: [] })
    const entry = steps.get(event.id)!
    entry.tail.push(...entry.step.apply(event))
  }
  const fixed = { columns: 40, rows: 24, now: start + seconds * 1000, startedAt: start, finished: false, color: false }
  return renderTty([...steps.values()], { ...fixed, ...options })
}

const script = () =>
  new Script()
    .add('[1/3] FROM debian', '[2/3] RUN apt-get update && apt-get install -y gcc', '[3/3] COPY . .')
    .cached('[1/3] FROM debian', 0)
    .start('[2/3] RUN apt-get update && apt-get install -y gcc', 0.2)
    .log('[2/3] RUN apt-get update && apt-get install -y gcc', 0.3, 'Get:1 \x1b[1mhttp://deb\x1b[0m\nok\n')

tests('tty progress', (test) => {
  test('renderTty() shows why a step runs', () => {
    const events = new Script().add('a').start('a', 0).missed('a', 0, { kind: 'gone' }).events
    assert.equal(render(events, 1), [
      '[+] Building 1.0s (0/1)',
      ' => a                               1.0s',
      ' => => not cached: result is gone',
    ])
  })

  test('renderTty() shows running, cached and waiting steps within the width', () => {
    assert.equal(render(script().events, 3.4), [
      '[+] Building 3.4s (1/3)',
      ' => CACHED [1/3] FROM debian        0.0s',
      ' => [2/3] RUN apt-get update && ap… 3.2s',
      ' => => # Get:1 http://deb',
      ' => => # ok',
    ])
  })

  test('renderTty() shows transfers, failures and the end', () => {
    const { events } = new Script()
      .add('pull', 'run', 'other')
      .start('pull', 0)
      .progress('pull', 0, 'layer', 12_300_000, 30_000_000)
      .start('run', 0)
      .log('run', 0.1, 'boom\n')
      .start('other', 0)
      .fail('run', 1, 'exit code 1')
      .cancel('other', 1.5)
    assert.equal(render(events, 2, { finished: true }), [
      '[+] Building 2.0s (0/3) ERROR',
      ' => pull                            2.0s',
      ' => => layer 12.30MB / 30.00MB      2.0s',
      ' => ERROR run                       1.0s',
      ' => => # boom',
      ' => CANCELED other                  1.5s',
    ])
  })

  test('renderTty() shows a cached step that runs after all, and counts it when it is done', () => {
    const again = () => new Script().add('a', 'b').cached('a', 0, 'imported').cached('b', 0)
    assert.equal(render(again().events, 1), [
      '[+] Building 1.0s (2/2)',
      ' => CACHED a                        0.0s',
      ' => CACHED b                        0.0s',
    ])
    const running = () => again().start('a', 1).log('a', 1.5, 'x\n')
    assert.equal(render(running().events, 3), [
      '[+] Building 3.0s (1/2)',
      ' => a                               2.0s',
      ' => => # x',
      ' => CACHED b                        0.0s',
    ])
    assert.equal(render(running().done('a', 3, 2000).events, 9, { finished: true }), [
      '[+] Building 9.0s (2/2) FINISHED',
      ' => a                               2.0s',
      ' => CACHED b                        0.0s',
    ])
  })

  test('renderTty() says how the build ended, whatever became of an export of its cache', () => {
    const { events } = new Script().add('export').start('export', 0).fail('export', 1, 'denied')
    assert.equal(render(events, 2, { finished: true, succeeded: true }), [
      '[+] Building 2.0s (0/1) FINISHED',
      ' => ERROR export                    1.0s',
    ])
    assert.match(render(events, 2, { finished: true })[0] ?? '', /ERROR$/)
    const { events: fine } = new Script().add('a').cached('a', 0)
    assert.match(render(fine, 2, { finished: true, succeeded: false })[0] ?? '', /ERROR$/)
  })

  test('renderTty() leaves the oldest ended steps out when the screen is small', () => {
    const long = new Script()
    for (let i = 0; i < 30; i++) long.add(`s${i}`).start(`s${i}`, 0)
    for (let i = 0; i < 28; i++) long.done(`s${i}`, 1, 1000)
    const lines = render(long.events, 2, { rows: 6 })
    assert.is(lines.length, 6)
    assert.equal(
      lines.map((line) => line.trim().split(/\s+/)[1]),
      ['Building', 's25', 's26', 's27', 's28', 's29'],
    )
  })

  test('renderTty() never exceeds the width, whatever the names', () => {
    const names = ['日本語'.repeat(40), 'x'.repeat(500), 'a\nb\x1b[2Jc']
    for (const columns of [20, 40, 80]) {
      const wide = new Script().add(...names)
      for (const name of names) wide.start(name, 0).log(name, 0, `${name}\n`)
      for (const line of render(wide.events, 100_000, { columns })) assert.ok(textWidth(line) <= columns, line)
    }
  })

  test('renderTty() colours only when it may', () => {
    assert.ok(render(script().events, 1, { color: true }).join('').includes('\x1b[34m'))
    assert.not.ok(render(script().events, 1).join('').includes('\x1b'))
  })

  test('TtyView redraws in place and leaves the last state and the cursor', async () => {
    const sink = new Sink({ columns: 40, rows: 10 })
    const view = new TtyView(asTerminal(sink), false)
    const now = Date.now()
    const { events } = new Script(now).add('a', 'b').start('a', 0)
    for (const event of events) view.handle(event)
    await new Promise((resolve) => setTimeout(resolve, 350))
    assert.ok(sink.writes >= 2 && sink.writes <= 5, `${sink.writes} writes in 350 ms`)
    for (const event of new Script(now).add('a').log('a', 0.1, 'x\n').events.slice(1)) view.handle(event)
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.match(screen(sink.text, 40), /# x/)
    sink.columns = 15
    sink.emit('resize')
    for (const event of new Script(now).done('a', 0.3, 300).start('b', 0.3).done('b', 0.4, 100).events)
      view.handle(event)
    sink.columns = 40
    view.close()
    view.close()
    const lines = screen(sink.text, 40).trimEnd().split('\n')
    assert.match(lines[0] ?? '', /^\[\+\] Building \d+\.\ds \(2\/2\) FINISHED$/)
    assert.equal(lines.slice(1), [
      ' => a                               0.3s',
      ' => b                               0.1s',
    ])
    assert.ok(sink.text.lastIndexOf('\x1b[?25h') > sink.text.lastIndexOf('\x1b[?25l'), 'the cursor is shown again')
  })

  test('TtyView draws a build that is over at once just once', () => {
    const sink = new Sink({ columns: 40, rows: 10 })
    const view = new TtyView(asTerminal(sink), false)
    for (const event of new Script(Date.now()).add('a').cached('a', 0).events) view.handle(event)
    view.close()
    assert.is(sink.writes, 1)
    assert.not.ok(sink.text.includes('\x1b[?25'))
  })
})

/** What a terminal of unlimited height shows after this output: cursor up, erase to the end of line or screen, line breaks. */
function screen(output: string, columns: number): string {
  const rows: string[] = ['']
  let row = 0
  let column = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences
  for (const [part] of output.matchAll(/\x1b\[\??\d*[A-Za-z]|[^\x1b]/gu)) {
    if (part === '\n') {
      row++
      column = 0
      rows[row] ??= ''
    } else if (part === '\r') column = 0
    else if (part.endsWith('A') && part.startsWith('\x1b')) row = Math.max(0, row - Number(part.slice(2, -1)))
    else if (part === '\x1b[K') rows[row] = (rows[row] ?? '').slice(0, column)
    else if (part === '\x1b[J') {
      rows[row] = (rows[row] ?? '').slice(0, column)
      rows.length = row + 1
    } else if (!part.startsWith('\x1b') && column < columns) {
      rows[row] = (rows[row] ?? '').padEnd(column).slice(0, column) + part + (rows[row] ?? '').slice(column + 1)
      column++
    }
  }
  return rows.join('\n')
}
