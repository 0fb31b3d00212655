import { parentPort, workerData } from 'node:worker_threads'
import { ParseError } from '@tsbuild/parser'
import { sentError } from './parse/assembler.js'
import { parseAndCheck } from './parse/parse-and-check.js'
import { piecesOf, slicesOf } from './parse/pieces.js'
import type { ParseReply, ParseRequest } from './parse/protocol.js'

const port = parentPort
const reply = (message: ParseReply) => port?.postMessage(message)

function* replies(): Generator<ParseReply> {
  try {
    const { dockerfile, warnings, failure } = parseAndCheck(workerData as ParseRequest)
    const slices = slicesOf(piecesOf(dockerfile, warnings, failure && sentError(failure)))
    let held = slices.next()
    while (!held.done) {
      const following = slices.next()
      yield { kind: 'slice', pieces: JSON.stringify(held.value), last: following.done === true }
      held = following
    }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    yield { kind: 'failed', error: sentError(error) }
  }
}

const messages = replies()
function next(): void {
  const { done, value } = messages.next()
  if (done) port?.close()
  else reply(value)
}

port?.on('message', next)
next()
