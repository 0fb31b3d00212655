import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { runProgram } from '../dist/program.js'
import { fakeIo, Sink } from './fake-io.js'

interface Case {
  readonly args: readonly string[]
  readonly exitCode: number
  readonly stderr?: RegExp
  readonly stdout?: RegExp
}

const cases: readonly Case[] = [
  { args: [], exitCode: 0, stdout: /build +Build an image/ },
  { args: ['--help'], exitCode: 0, stdout: /Exit codes: 1/ },
  { args: ['help'], exitCode: 0, stdout: /Commands:/ },
  { args: ['help', 'build'], exitCode: 0, stdout: /--build-arg/ },
  { args: ['images', '--help'], exitCode: 0, stdout: /Example:/ },
  { args: ['biuld'], exitCode: 1, stderr: /unknown command 'biuld'\n\(Did you mean build\?\)/ },
  { args: ['constructor'], exitCode: 1, stderr: /unknown command/ },
  { args: ['--vresion'], exitCode: 125, stderr: /Did you mean --version/ },
  { args: ['build', '--tga', 'x', '.'], exitCode: 125, stderr: /unknown option '--tga'\n\(Did you mean --tag\?\)/ },
  { args: ['build', '--tag'], exitCode: 125, stderr: /argument missing/ },
  { args: ['build', '--progress', 'fancy', '.'], exitCode: 125, stderr: /Allowed choices are auto, tty/ },
  { args: ['build', 'a', 'b'], exitCode: 1, stderr: /too many arguments/ },
  { args: ['build'], exitCode: 1, stderr: /no context directory/ },
  { args: ['build', '-f', '-', '-'], exitCode: 1, stderr: /both the context and the Dockerfile/ },
  { args: ['build', '-o', 'type=zip', '.'], exitCode: 125, stderr: /type "zip" is unknown/ },
  { args: ['build', '-o', '-', '-o', 'type=docker', '.'], exitCode: 125, stderr: /only one output/ },
  { args: ['build', '-q', '-o', '-', '.'], exitCode: 125, stderr: /--quiet prints the id/ },
  { args: ['build', '--network', 'bridges', '.'], exitCode: 125, stderr: /not default, bridge, host or none/ },
  { args: ['build', '--add-host', 'x', '.'], exitCode: 125, stderr: /not name:address/ },
  { args: ['build', '--pull=maybe', '.'], exitCode: 125, stderr: /not true or false/ },
  { args: ['build', '--load', '.'], exitCode: 1, stderr: /neither docker nor podman is on PATH\nHint: / },
  { args: ['tag', 'a'], exitCode: 1, stderr: /missing required argument 'TARGET'/ },
  {
    args: ['parse', '/does/not/exist'],
    exitCode: 1,
    stderr: /^ERROR: Cannot read Dockerfile "\/does\/not\/exist": there is no such file\n$/,
  },
  { args: ['version', '--format', '{{.Nope}}'], exitCode: 1, stderr: /no field "Nope"\nHint: Fields: Version/ },
  { args: ['version', '--format', 'json'], exitCode: 0, stdout: /^\{"Version":/ },
]

tests('program', (test) => {
  for (const { args, exitCode, stdout, stderr } of cases) {
    test(`runProgram() answers "${args.join(' ')}" with ${exitCode}`, async () => {
      const result = await runProgram(args, fakeIo({ env: { PATH: '/nowhere' } }).io)
      assert.is(result.exitCode ?? 0, exitCode, result.stderr)
      if (stdout !== undefined) assert.match(result.stdout ?? '', stdout)
      if (stderr !== undefined) assert.match(result.stderr ?? '', stderr)
    })
  }

  test('runProgram() refuses to write a tar to a terminal', async () => {
    const { io } = fakeIo({ tty: new Sink({ columns: 80, rows: 24 }) })
    const result = await runProgram(['build', '-o', '-', '.'], io)
    assert.is(result.exitCode, 125)
    assert.match(result.stderr ?? '', /standard output is a terminal\nHint: /)
  })

  test('runProgram() parses a Dockerfile from standard input', async () => {
    const { io } = fakeIo({ stdin: '# note\nFROM a AS b\nRUN --network=none ["x", "y"]\nCOPY <<E /f\n$v\nE\n' })
    const { stdout = '', exitCode = 0 } = await runProgram(['parse', '-'], io)
    assert.is(exitCode, 0)
    const [from, run, copy] = JSON.parse(stdout)
    assert.equal(from, {
      instruction: 'from',
      keyword: 'FROM',
      flags: [],
      args: ['a', 'AS', 'b'],
      json: false,
      heredocs: [],
      line: [2, 2],
      comments: ['note'],
    })
    assert.equal([run.args, run.json, run.flags], [['x', 'y'], true, ['--network=none']])
    assert.equal([copy.line, copy.heredocs[0].content, copy.heredocs[0].expand], [[4, 6], '$v\n', true])
  })

  test('runProgram() dumps a Dockerfile in one line an instruction', async () => {
    const { io } = fakeIo({ stdin: 'FROM a\nENV x y\n' })
    const { stdout } = await runProgram(['parse', '--format', 'dump', '-'], io)
    assert.is(stdout, '(from "a")\n(env "x" "y" "")\n')
  })

  test('runProgram() shows where a Dockerfile is wrong', async () => {
    const { io } = fakeIo({ stdin: 'FROM a\nRUNN x\n' })
    const { stderr = '', exitCode } = await runProgram(['check', '-'], io)
    assert.is(exitCode, 1)
    assert.match(stderr, / {3}2 \| >>> RUNN x\n/)
    assert.match(stderr, /ERROR: Dockerfile:2: .*unknown instruction: RUNN/)
  })

  test('runProgram() exits with 1 for warnings of the build checks only', async () => {
    const warned = await runProgram(['check', '-'], fakeIo({ stdin: 'FROM scratch AS Upper\n' }).io)
    assert.is(warned.exitCode, 1)
    assert.match(
      warned.stdout ?? '',
      /1 warning has been found!\n\nWARNING: StageNameCasing - https:.*\n.*\nDockerfile:1\n/,
    )
    const clean = await runProgram(['build', '--check', '-f', '-', '.'], fakeIo({ stdin: 'FROM scratch\n' }).io)
    assert.equal([clean.exitCode, clean.stdout], [0, 'Check complete, no warnings found.\n'])
  })
})
