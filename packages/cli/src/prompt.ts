import { StringDecoder } from 'node:string_decoder'
import { CliError } from './errors.js'
import type { Io } from './io.js'

/** Asks for a line on the terminal. The question goes to standard error; a hidden answer is not shown. Backspace, Ctrl-U and Ctrl-W
 * edit as usual; Ctrl-C, or the end of the input before any answer, cancels.
 * @throws {CliError} `CANCELED`; `io.signal.reason` */
export async function ask(question: string, io: Io, { hidden }: { readonly hidden: boolean }): Promise<string> {
  const { stdin, stderr, signal } = io
  signal.throwIfAborted()
  // Before the question: an answer that comes at once must not be shown by the terminal.
  stdin.setRawMode?.(true)
  try {
    stderr.write(question)
    return await readLine(io, hidden ? () => {} : (text) => stderr.write(text))
  } finally {
    stdin.setRawMode?.(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** Reads keys until Enter. What comes behind it stays for the next question. */
function readLine({ stdin, signal }: Io, echo: (text: string) => unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8')
    let line: string[] = []
    const settle = (finish: () => void, rest = '') => {
      stdin.off('data', onData).off('end', onEnd)
      signal.removeEventListener('abort', onAbort)
      stdin.pause()
      if (rest !== '') stdin.unshift(Buffer.from(rest))
      finish()
    }
    const erase = (count: number) => {
      line = line.slice(0, line.length - count)
      echo('\b \b'.repeat(count))
    }
    const onKey = (key: string): 'done' | 'canceled' | undefined => {
      if (key === '\r' || key === '\n') return 'done'
      if (key === '\u0003' || (key === '\u0004' && line.length === 0)) return 'canceled'
      if (key === '\u007f' || key === '\b') erase(Math.min(1, line.length))
      else if (key === '\u0015' || key === '\u0017') erase(line.length)
      else if (key >= ' ') {
        line.push(key)
        echo(key)
      }
      return undefined
    }
    const onData = (data: Buffer) => {
      const keys = [...decoder.write(data)]
      for (const [index, key] of keys.entries()) {
        const end = onKey(key)
        if (end === 'done') return settle(() => resolve(line.join('')), keys.slice(index + 1).join(''))
        if (end === 'canceled') return settle(() => reject(canceled()))
      }
    }
    const onEnd = () => settle(() => reject(canceled()))
    const onAbort = () => settle(() => reject(signal.reason))
    stdin.on('data', onData).on('end', onEnd)
    signal.addEventListener('abort', onAbort, { once: true })
    stdin.resume()
  })
}

function canceled(): CliError {
  return new CliError('CANCELED', 'Canceled by the user', { exitCode: 130 })
}
