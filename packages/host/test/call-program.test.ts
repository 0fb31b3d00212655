import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { AT_EMPTY_PATH, type ChildCall, type ChildEnd, openHost, parseCallReport } from '@tsbuild/host'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { callProgramFile } from '../dist/call-program.js'

const F_SETFD = 2
const EBADF = 9
const SIGCHLD = 17
const CLONE_PARENT = 0x8000
const emulators = { x64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' } as const

async function ended(pid: number): Promise<ChildEnd> {
  for (;;) {
    const end = openHost().wait(pid)
    if (end) return end
    await delay(1)
  }
}

/** Runs the calls as a program whose descriptors 1 (and for reports 2) are a pipe, and returns what it wrote there. */
async function runProgram(calls: readonly ChildCall[], stdin = openSync('/dev/null', 'r')): Promise<Buffer> {
  const host = openHost()
  const program = host.callProgram(calls, 2)
  const [read, write] = host.pipe2()
  const pid = host.spawn([
    ...[stdin, write, write].map((fd, index): ChildCall => ({ name: 'dup3', args: [fd, index, 0] })),
    { name: 'execveat', args: [program, '', ['calls'], [], AT_EMPTY_PATH] },
  ])
  closeSync(write)
  closeSync(program)
  assert.equal(await ended(pid), { code: 0 })
  const bytes = Buffer.alloc(1000)
  let length = 0
  for (let count = 1; count > 0; length += count) count = readSync(read, bytes, length, bytes.length - length, null)
  closeSync(read)
  closeSync(stdin)
  return bytes.subarray(0, length)
}

const say = (text: string): ChildCall => ({ name: 'write', args: [1, text, text.length] })
const exit: ChildCall = { name: 'exit', args: [0] }

tests('callProgram', (test) => {
  test('callProgram() makes a program that makes the calls, in order', async () => {
    const optional: ChildCall = { name: 'close', args: [99], optional: true }
    assert.is((await runProgram([say('one'), optional, say('two'), exit])).toString(), 'onetwo')
  })

  test('callProgram() makes a program that reports the call that failed', async () => {
    const bytes = await runProgram([say('one'), { name: 'close', args: [99] }, say('two'), exit])
    assert.is(bytes.toString('latin1', 0, 3), 'one')
    assert.equal(parseCallReport(bytes.subarray(3)), { index: 1, result: -EBADF })
    assert.is(parseCallReport(bytes.subarray(4)), undefined)
  })

  test('callProgram() makes a program that reports its child, which goes on as a child of ours', async () => {
    const [read, write] = openHost().pipe2()
    const clone: ChildCall = { name: 'clone', args: [CLONE_PARENT | SIGCHLD, 0, 0, 0, 0], fork: true }
    const wait: ChildCall = { name: 'read', args: [0, new Uint8Array(1), 1] }
    const running = runProgram([clone, wait, { name: 'exit', args: [5] }], read)
    closeSync(write)
    const report = parseCallReport(await running)
    assert.is(report?.index, 0)
    assert.equal(await ended(report?.result ?? 0), { code: 5 })
  })

  test('callProgram() makes a program that nobody can change, and that holds nothing of this one', async () => {
    const host = openHost()
    const program = host.callProgram([{ name: 'read', args: [0, new Uint8Array(1), 1] }, exit], 2)
    assert.throws(() => writeSync(program, 'x', 0), /EPERM/)
    const [read, write] = host.pipe2()
    const pid = host.spawn([
      { name: 'dup3', args: [read, 0, 0] },
      { name: 'fcntl', args: [1, F_SETFD, 1] },
      { name: 'close_range', args: [3, program - 1, 0], optional: true },
      { name: 'execveat', args: [program, '', ['calls'], [], AT_EMPTY_PATH] },
    ])
    assert.match(readlinkSync(`/proc/${pid}/exe`), /^\/memfd:/)
    assert.throws(() => openSync(`/proc/${pid}/exe`, constants.O_WRONLY), /ETXTBSY|EPERM/)
    assert.not.match(readFileSync(`/proc/${pid}/maps`, 'latin1'), /node|\.so|koffi/)
    closeSync(read)
    closeSync(write)
    assert.equal(await ended(pid), { code: 0 })
    closeSync(program)
  })

  for (const [arch, emulator] of Object.entries(emulators)) {
    const path = ['/usr/bin', '/usr/local/bin'].map((dir) => `${dir}/${emulator}`).find(existsSync)
    test(
      `callProgramFile() makes a program for ${arch} that runs`,
      async () => {
        await using dir = await tempDir()
        const file = `${dir.path}/program`
        const fd = openSync(file, 'w', 0o755)
        const calls = [say('hello'), { name: 'close', args: [99] }, say('never')] as const
        for (const { offset, bytes } of callProgramFile(calls, 1, arch)) writeSync(fd, bytes, 0, bytes.length, offset)
        closeSync(fd)
        const output = execFileSync(path ?? file, path ? [file] : [])
        assert.is(output.toString('latin1', 0, 5), 'hello')
        assert.equal(parseCallReport(output.subarray(5)), { index: 1, result: -EBADF })
      },
      { skip: arch === process.arch || path ? undefined : `needs ${emulator}` },
    )
  }

  test('callProgramFile() knows no other machine', () => {
    assert.throws(() => callProgramFile([exit], 2, 'mips'), /mips/)
  })
})
