import { parseDockerfile } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { excerpt } from '../dist/build/build-error.js'
import { destinationPath } from '../dist/frontend/dispatch/copy.js'
import { declareArgs } from '../dist/frontend/dispatch/metadata.js'
import { Env, setEnvItems } from '../dist/frontend/env.js'
import { goDuration, goHealthcheck, goQuote, goQuotedList } from '../dist/frontend/go-format.js'
import { Graph } from '../dist/frontend/graph.js'
import { parsePorts } from '../dist/frontend/ports.js'
import { scratchState, withHistory } from '../dist/frontend/stage-state.js'
import { imageConfig, isoTime } from '../dist/images/image-config.js'
import type { OpServices } from '../dist/ops/services.js'

tests('frontend formats', (test) => {
  test('goQuote() quotes as strconv.Quote', () => {
    const vectors: [string, string][] = [
      ['', '""'],
      ['a b', '"a b"'],
      ['say "x"\\', '"say \\"x\\"\\\\"'],
      ['tab\tnl\n', '"tab\\tnl\\n"'],
      ['\x01\x7f', '"\\x01\\x7f"'],
      ['grün 木', '"grün 木"'],
      ['\u200b', '"\\u200b"'],
    ]
    for (const [input, expected] of vectors) assert.is(goQuote(input), expected)
    assert.is(goQuotedList(['/bin/sh', '-c', 'a "b"']), '["/bin/sh" "-c" "a \\"b\\""]')
  })

  test('goDuration() writes nanoseconds as Go does', () => {
    const vectors: [number, string][] = [
      [0, '0s'],
      [1, '1ns'],
      [1500, '1.5µs'],
      [2e6, '2ms'],
      [3e9, '3s'],
      [9e10, '1m30s'],
      [3.6e12, '1h0m0s'],
      [5.4321e12, '1h30m32.1s'],
    ]
    for (const [input, expected] of vectors) assert.is(goDuration(input), expected)
  })

  test('goHealthcheck() writes the line that history has', () => {
    assert.is(
      goHealthcheck({ Test: ['CMD-SHELL', 'curl -f localhost'], Interval: 3e10, Retries: 3 }),
      '&{["CMD-SHELL" "curl -f localhost"] "30s" "0s" "0s" "0s" \'\\x03\'}',
    )
  })

  test('parsePorts() expands ranges and sorts', () => {
    assert.equal(parsePorts(['80']), ['80/tcp'])
    assert.equal(parsePorts(['8002-8000'.split('-').reverse().join('-'), '53/UDP']), [
      '53/udp',
      '8000/tcp',
      '8001/tcp',
      '8002/tcp',
    ])
    assert.equal(parsePorts(['127.0.0.1:8080:80/tcp']), ['80/tcp'])
    for (const bad of ['x', '70000', '9-3', '80/foo', '']) {
      assert.throws(
        () => parsePorts([bad]),
        (error: unknown) => error instanceof Error && /Cannot parse port/.test(error.message),
      )
    }
  })

  test('declareArgs() keeps arguments that steer attestations out of the environment', () => {
    const [stage] = parseDockerfile('FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true A=1').stages
    const [instruction] = stage?.instructions ?? []
    assert.ok(instruction?.kind === 'arg')
    const start = scratchState(new Graph({} as OpServices).scratch, { os: 'linux', architecture: 'amd64' })
    const state = declareArgs(start, instruction, { given: {}, globals: new Env(), escape: '\\' })
    assert.equal([state.env.get('A'), state.env.get('BUILDKIT_SBOM_SCAN_STAGE')], ['1', undefined])
    assert.is(state.history.at(-1)?.created_by, 'ARG BUILDKIT_SBOM_SCAN_STAGE=true A=1')
  })

  test('Env keeps the values of many names in their order', () => {
    let env = new Env([['N0', 'x']])
    for (let at = 0; at < 500; at++) env = env.with(`N${at % 200}`, String(at))
    assert.is(env.get('N0'), '400')
    assert.is(env.get('N150'), '350')
    assert.equal(
      env.entries().map(([name]) => name),
      Array.from({ length: 200 }, (_, at) => `N${at}`),
    )
  })

  test('Env keeps the place of a name that is set again', () => {
    const env = new Env([
      ['A', '1'],
      ['B', '2'],
    ])
      .with('A', '3')
      .withList(['C=x=y', 'B=4'])
    assert.equal(env.entries(), [
      ['A', '3'],
      ['B', '4'],
      ['C', 'x=y'],
    ])
    assert.equal(
      setEnvItems(
        ['A=1', 'B', 'A=3'],
        [
          ['A', '5'],
          ['C', ''],
          ['C', '6'],
        ],
      ),
      ['A=5', 'B', 'A=3', 'C=6'],
    )
    assert.equal(setEnvItems(undefined, [['A', '']]), ['A='])
  })

  test('destinationPath() keeps what says "directory"', () => {
    const vectors: [string, string, string][] = [
      ['.', '/app', '/app/'],
      ['x', '/app', '/app/x'],
      ['x/', '/app', '/app/x/'],
      ['/', '/app', '/'],
      ['./', '/', '/'],
      ['../y', '/app', '/y'],
    ]
    for (const [written, workingDir, expected] of vectors) assert.is(destinationPath(written, workingDir), expected)
  })

  test('isoTime() has fractions only where there are some', () => {
    assert.is(isoTime(0), '1970-01-01T00:00:00Z')
    assert.is(isoTime(1_700_000_000_120), '2023-11-14T22:13:20.12Z')
    assert.is(isoTime(1_700_000_010_000), '2023-11-14T22:13:30Z')
  })

  test('excerpt() marks the lines of the step', () => {
    const text = 'FROM a\nRUN x \\\n  y\nCMD z\n'
    assert.is(
      excerpt(text, { file: 'Dockerfile', startLine: 2, endLine: 3 }),
      [
        'Dockerfile:2',
        '--------------------',
        '   1 |     FROM a',
        '   2 | >>> RUN x \\',
        '   3 | >>>   y',
        '   4 |     CMD z',
        '   5 |',
        '--------------------',
      ].join('\n'),
    )
  })

  test('imageConfig() dates a new line by its own layer, also on a base with fewer lines than layers', () => {
    const vertex = new Graph({} as OpServices).scratch
    const start = scratchState(vertex, { os: 'linux', architecture: 'amd64' })
    const target = withHistory(start, 'RUN x # buildkit', 'layer')
    const layerTimes = [1_000, 2_000, 50_000]
    const config = imageConfig({ target, diffIds: [], layerTimes, labels: {}, now: 0 })
    assert.is(config.history?.[0]?.created, isoTime(50_000))
    assert.is(config.created, isoTime(50_000))
  })
})
