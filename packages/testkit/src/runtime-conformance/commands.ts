import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Bench, type BenchTest, rejection } from './fixture.js'

/** What is run, and what its end says. */
export function commandTests(test: BenchTest): void {
  test('run() tells the exit code', async ({ sh }) => {
    for (const code of [0, 1, 42, 126, 127, 255]) assert.equal((await sh(`exit ${code}`)).status, { code })
  })

  test('run() keeps stdout and stderr apart', async ({ sh }) => {
    const { stdout, stderr } = await sh('echo out; echo err >&2; echo more')
    assert.is(stdout, 'out\nmore\n')
    assert.is(stderr, 'err\n')
  })

  test('run() hands output on as it comes', async ({ sh }) => {
    const times: number[] = []
    await sh('echo a; sleep 0.3; echo b', { run: { onOutput: () => times.push(Date.now()) } })
    assert.ok(times.length === 2 && times[1]! - times[0]! > 200, `${times}`)
  })

  test('run() passes arguments and environment on as they are', async ({ step }) => {
    const args = ['', 'a b', 'ü\n*', '$X', '"']
    const { stdout } = await step(['/bin/sh', '-c', 'printf "<%s>" "$@" "$V"', ...['sh', ...args]], {
      env: ['V=ä "x"', 'W='],
    })
    assert.is(stdout, [...args, 'ä "x"'].map((arg) => `<${arg}>`).join(''))
  })

  test('run() adds nothing to the environment but HOME', async ({ step }) => {
    const { stdout } = await step(['/bin/env'], { env: ['B=2', 'A=1'] })
    assert.equal(stdout.trim().split('\n').sort(), ['A=1', 'B=2', 'HOME=/root'])
    assert.match((await step(['/bin/env'], { env: ['HOME=/x'] })).stdout, /^HOME=\/x$/m)
  })

  test('run() looks a command up in PATH of the environment, inside the root', async ({ step, rootfs }) => {
    writeFileSync(join(rootfs, 'home/app/tool'), '#!/bin/sh\necho tool "$@"\n', { mode: 0o755 })
    assert.is((await step(['tool', 'x'], { env: ['PATH=/nowhere:/home/app'] })).stdout, 'tool x\n')
    assert.is((await step(['echo', 'default path'])).stdout, 'default path\n')
    assert.is((await step(['./tool', 'y'], { cwd: '/home/app' })).stdout, 'tool y\n')
  })

  test('run() gives the command its name as it was asked for', async ({ step }) => {
    assert.is((await step(['sh', '-c', 'echo $0'])).stdout, 'sh\n')
  })

  missingCommands(test)

  test('run() makes the working directory where it is missing', async ({ step, sh, overlay }) => {
    const root = overlay()
    assert.is((await step(['pwd'], { root, cwd: '/new/deep/one' })).stdout, '/new/deep/one\n')
    assert.is((await sh('stat -c "%a %u:%g" /new /new/deep/one', { root })).stdout, '755 0:0\n755 0:0\n')
  })
}

function missingCommands(test: BenchTest): void {
  const prepare = (rootfs: string) => {
    const file = (name: string, content: string, mode: number) => {
      writeFileSync(join(rootfs, 'home/app', name), content)
      chmodSync(join(rootfs, 'home/app', name), mode)
    }
    file('plain', 'echo plain\n', 0o755)
    file('empty', '', 0o755)
    file('closed', '#!/bin/sh\n', 0o644)
    file('lost', '#!/no/interpreter\n', 0o755)
  }
  const cases: Record<string, [command: string, code: string]> = {
    'a name that is nowhere': ['no-such-command', 'COMMAND_NOT_FOUND'],
    'a path that is not there': ['/bin/no-such-command', 'COMMAND_NOT_FOUND'],
    'a path below a file': ['/bin/busybox/x', 'COMMAND_NOT_FOUND'],
    'a script without its interpreter': ['/home/app/lost', 'COMMAND_NOT_FOUND'],
    'a directory': ['/etc', 'COMMAND_NOT_EXECUTABLE'],
    'a file without x bit': ['/home/app/closed', 'COMMAND_NOT_EXECUTABLE'],
    'a text without "#!"': ['/home/app/plain', 'COMMAND_NOT_EXECUTABLE'],
    'an empty file': ['/home/app/empty', 'COMMAND_NOT_EXECUTABLE'],
  }
  for (const [what, [command, code]] of Object.entries(cases)) {
    test(`run() rejects ${what} with ${code}, and goes on`, async ({ step, rootfs }: Bench) => {
      prepare(rootfs)
      const error = await rejection(step([command]))
      assert.is(error.code, code)
      assert.ok(error.message.includes(command), error.message)
      assert.is((await step(['echo', 'next'])).stdout, 'next\n')
    })
  }
}
