import { PassThrough } from 'node:stream'
import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import type { Io } from '../dist/io.js'
import { ask } from '../dist/prompt.js'
import { fakeIo } from './fake-io.js'

function terminal(signal?: AbortSignal) {
  const { io, stderr } = fakeIo()
  const raw: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
  const whole: Io = { ...io, stdin, ...(signal === undefined ? {} : { signal }) }
  return { io: whole, stdin, stderr, raw }
}

tests('ask()', (test) => {
  const answers: Record<string, readonly [typed: string, answer: string]> = {
    'a line': ['secret\r', 'secret'],
    'no line': ['\n', ''],
    'Backspace and Ctrl-U': ['\u007fwrong\u0015rihg\b\bght\r', 'right'],
    'letters beyond ASCII, and no escape': ['pässwörd \u0001x\r', 'pässwörd x'],
  }
  for (const [what, [typed, answer]] of Object.entries(answers)) {
    test(`ask() reads ${what}, without showing what is hidden`, async () => {
      for (const hidden of [true, false]) {
        const { io, stdin, stderr, raw } = terminal()
        const asked = ask('Password: ', io, { hidden })
        for (const byte of Buffer.from(typed)) stdin.write(Buffer.from([byte]))
        assert.is(await asked, answer)
        assert.equal(raw, [true, false])
        if (hidden) assert.is(stderr.text, 'Password: \n')
      }
    })
  }

  test('ask() leaves what was typed ahead to the next question', async () => {
    const { io, stdin } = terminal()
    stdin.write('me\rsecret\r')
    assert.is(await ask('User: ', io, { hidden: false }), 'me')
    assert.is(await ask('Password: ', io, { hidden: true }), 'secret')
  })

  test('ask() ends with Ctrl-C, with the end of the input, and with the signal', async () => {
    for (const key of ['\u0003', 'abc\u0003', '\u0004']) {
      const { io, stdin, raw } = terminal()
      const asked = ask('Password: ', io, { hidden: true })
      stdin.write(key)
      const error = await asked.catch((failure) => failure)
      assert.ok(hasCode(error, 'CANCELED'))
      assert.equal(raw, [true, false])
    }
    const closed = terminal()
    const asked = ask('Password: ', closed.io, { hidden: true })
    closed.stdin.end()
    assert.ok(hasCode(await asked.catch((failure) => failure), 'CANCELED'))
    const stop = new AbortController()
    const { io } = terminal(stop.signal)
    const waiting = ask('Password: ', io, { hidden: true })
    stop.abort(new Error('enough'))
    assert.is(((await waiting.catch((failure) => failure)) as Error).message, 'enough')
  })
})
