import { Writable } from 'node:stream'
import { CliError } from './errors.js'
import type { Terminal } from './io.js'

/** Standard output for an archive: it may be ended by the writer without closing the process's own stream.
 * @throws {CliError} `OUTPUT_INVALID` for a terminal */
export function binaryStdout(stdout: Terminal, hint: string): Writable {
  if (stdout.isTTY) {
    const state = 'Cannot write output: standard output is a terminal'
    throw new CliError('OUTPUT_INVALID', state, { exitCode: 125, hint })
  }
  return new Writable({
    write: (chunk, _encoding, done) => void stdout.write(chunk, done),
  })
}
