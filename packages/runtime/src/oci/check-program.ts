import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { elfInterpreter, headBytes } from '../elf-interpreter.js'
import { RuntimeError } from '../errors.js'
import { notExecutable } from '../find-command.js'

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
