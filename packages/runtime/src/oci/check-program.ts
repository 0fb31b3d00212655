import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { RuntimeError } from '../errors.js'
import { notExecutable } from '../find-command.js'

const headBytes = 4096
const PT_INTERP = 3

/** Looks, in the thread's present root, whether the kernel could execute the file at all: OCI programs tell too late and in words only.
 * @param command as it was asked for
 * @param path absolute, as it was found
 * @throws {RuntimeError} `COMMAND_NOT_FOUND` where the interpreter is missing, `COMMAND_NOT_EXECUTABLE` for an unknown format */
export function checkProgram(command: string, path: string, cwd: string): void {
  const head = readHead(path)
  // Not readable, but perhaps executable all the same.
  if (head === undefined) return
  const interpreter = head.toString('latin1', 0, 2) === '#!' ? scriptInterpreter(head) : elfInterpreter(head)
  if (interpreter === undefined) throw notExecutable(command, 'exec format error')
  if (interpreter !== '' && !exists(posix.resolve(cwd, interpreter))) {
    throw new RuntimeError('COMMAND_NOT_FOUND', `Cannot execute the command "${command}": its interpreter is missing`, {
      hint: `"${interpreter}" is not in the image`,
    })
  }
}

function scriptInterpreter(head: Buffer): string | undefined {
  const line = head.toString('utf8', 2).split('\n', 1)[0]?.trim() ?? ''
  return line === '' ? undefined : line.split(/[ \t]/, 1)[0]
}

/** Path of the loader; '' for a static program, or one whose headers are elsewhere; `undefined` where it is no ELF file. */
function elfInterpreter(head: Buffer): string | undefined {
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF') return undefined
  // Only the common kind is looked into: 64 bits, little-endian.
  if (head[4] !== 2 || head[5] !== 1) return ''
  const start = Number(head.readBigUInt64LE(32))
  const entryBytes = head.readUInt16LE(54)
  const count = head.readUInt16LE(56)
  for (let at = start; at < start + count * entryBytes && at + 56 <= head.length; at += entryBytes) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue
    const offset = Number(head.readBigUInt64LE(at + 8))
    const size = Number(head.readBigUInt64LE(at + 32))
    return offset + size <= head.length ? head.toString('utf8', offset, offset + size).replace(/\0.*$/s, '') : ''
  }
  return ''
}

function readHead(path: string): Buffer | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    const head = Buffer.alloc(headBytes)
    return head.subarray(0, readSync(fd, head))
  } finally {
    closeSync(fd)
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
