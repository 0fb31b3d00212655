import { formatPlatform, hasCode, hostPlatform, parsePlatform, platformScore } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const host = formatPlatform(hostPlatform())
const valid: Record<string, string> = {
  'linux/amd64': 'linux/amd64',
  'linux/x86_64': 'linux/amd64',
  'Linux/AMD64': 'linux/amd64',
  'linux/amd64/v1': 'linux/amd64',
  'linux/amd64/v3': 'linux/amd64/v3',
  'linux/aarch64': 'linux/arm64',
  'linux/arm64/v8': 'linux/arm64',
  'linux/arm64/v9': 'linux/arm64/v9',
  'linux/arm': 'linux/arm/v7',
  'linux/arm/7': 'linux/arm/v7',
  'linux/armhf': 'linux/arm/v7',
  'linux/armel': 'linux/arm/v6',
  'linux/i686': 'linux/386',
  'windows/amd64': 'windows/amd64',
  'macos/arm64': 'darwin/arm64',
  arm64: 'linux/arm64',
  s390x: 'linux/s390x',
  linux: host,
}

tests('platform', (test) => {
  for (const [text, expected] of Object.entries(valid)) {
    test(`parsePlatform() reads "${text}"`, () => assert.is(formatPlatform(parsePlatform(text)), expected))
  }

  for (const text of ['', '/', 'linux/', 'linux/amd64/v1/x', 'linux amd64', 'quantum', 'linux/amd64,linux/arm64']) {
    test(`parsePlatform() rejects "${text}"`, () => {
      assert.throws(
        () => parsePlatform(text),
        (error: unknown) => hasCode(error, 'PLATFORM_INVALID'),
      )
    })
  }

  const better: readonly (readonly [wanted: string, order: readonly string[], never: readonly string[]])[] = [
    [
      'linux/arm/v7',
      ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'],
      ['linux/arm/v8', 'linux/arm64', 'linux/amd64', 'windows/arm'],
    ],
    ['linux/amd64', ['linux/amd64'], ['linux/386', 'linux/amd64/v2', 'windows/amd64']],
    ['linux/amd64/v3', ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64'], ['linux/amd64/v4']],
    ['linux/arm64', ['linux/arm64'], ['linux/arm/v7', 'linux/arm64/v9']],
  ]
  for (const [wanted, order, never] of better) {
    test(`platformScore() ranks what serves ${wanted}`, () => {
      const scores = order.map((offered) => platformScore(parsePlatform(wanted), parsePlatform(offered)) ?? -1)
      assert.equal(
        scores,
        scores.slice().sort((a, b) => b - a),
      )
      assert.is(new Set(scores).size, scores.length)
      assert.ok(scores.every((score) => score >= 0))
      for (const offered of never)
        assert.is(platformScore(parsePlatform(wanted), parsePlatform(offered)), undefined, offered)
    })
  }
})
