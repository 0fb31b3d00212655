import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { checkSignal, findSignal, signalNumber, stopSignalNumber } from '../dist/signals.js'

const found: Readonly<Record<string, number>> = {
  SIGTERM: 15,
  term: 15,
  Quit: 3,
  sigusr1: 10,
  KILL: 9,
  CLD: 17,
  SIGIOT: 6,
  9: 9,
  '+9': 9,
  '09': 9,
  64: 64,
  RTMIN: 34,
  'SIGRTMIN+3': 37,
  'RTMIN+15': 49,
  'RTMAX-14': 50,
  'rtmax-1': 63,
  SIGRTMAX: 64,
}

/** Docker takes them, and no kernel has them. */
const foreign: Readonly<Record<string, number>> = { 65: 65, 100: 100, '-1': -1 }

const bad = [
  ...['', '0', '-0', '00', '9x', ' 9', '1.5', '9'.repeat(30)],
  ...['SIG', 'FOO', 'SIGNONE', 'SIGSIGTERM', 'constructor'],
  ...['RTMIN+0', 'RTMIN+01', 'RTMIN-1', 'SIGRTMIN+16', 'SIGRTMIN+31', 'RTMAX+1', 'RTMAX-15'],
]

const invalid = (error: unknown) => hasCode(error, 'OPTION_INVALID')

tests('signals', (test) => {
  for (const [text, number] of Object.entries(found)) {
    test(`findSignal() takes "${text}" for ${number}`, () => {
      checkSignal(text)
      assert.equal([findSignal(text), signalNumber(text), stopSignalNumber(text)], [number, number, number])
    })
  }

  for (const [text, number] of Object.entries(foreign)) {
    test(`findSignal() takes "${text}", which signalNumber() refuses and stopSignalNumber() replaces`, () => {
      checkSignal(text)
      assert.equal([findSignal(text), stopSignalNumber(text)], [number, 9])
      assert.throws(() => signalNumber(text), invalid)
    })
  }

  for (const text of bad) {
    test(`findSignal() finds none for "${text}"`, () => {
      assert.is(findSignal(text), undefined)
      assert.throws(() => checkSignal(text), invalid)
      assert.throws(() => signalNumber(text), invalid)
    })
  }
})
