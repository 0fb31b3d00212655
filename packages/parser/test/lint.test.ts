import { createIgnore, type LintOptions, lint, lintError, parseCheckOptions, parseDockerfile } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const platform = { os: 'linux', architecture: 'amd64' }

function check(text: string, options: LintOptions = {}): string[] {
  const warnings = lint(parseDockerfile(text), {
    targetPlatform: platform,
    buildPlatform: platform,
    baseImage: () => ({}),
    ...options,
  })
  return warnings.map(({ rule, message, range }) => `${range.startLine} ${rule}: ${message}`)
}

/** What sets a rule off, the warning, and what does not. */
const rules: Record<string, { bad: string; says: string; good: string; options?: LintOptions }> = {
  StageNameCasing: {
    bad: 'FROM scratch AS Aa',
    says: "1 StageNameCasing: Stage name 'Aa' should be lowercase",
    good: 'FROM scratch AS aa',
  },
  FromAsCasing: {
    bad: 'FROM scratch as a',
    says: "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
    good: 'from scratch as a',
  },
  NoEmptyContinuation: {
    bad: 'FROM scratch\nEXPOSE \\\n\n80',
    says: '4 NoEmptyContinuation: Empty continuation line',
    good: 'FROM scratch\nEXPOSE \\\n# c\n80',
  },
  ConsistentInstructionCasing: {
    bad: 'FROM scratch\nWORKDIR /a\nUser b',
    says: "3 ConsistentInstructionCasing: Command 'User' should match the case of the command majority (uppercase)",
    good: 'from scratch\nworkdir /a',
  },
  DuplicateStageName: {
    bad: 'FROM scratch AS a\nFROM scratch AS a',
    says: '2 DuplicateStageName: Duplicate stage name "a", stage names should be unique',
    good: 'FROM scratch AS a\nFROM scratch AS b',
  },
  ReservedStageName: {
    bad: 'FROM busybox AS scratch',
    says: '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
    good: 'FROM busybox AS scratchy',
  },
  JSONArgsRecommended: {
    bad: 'FROM scratch\nCMD a',
    says: '2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
    good: 'FROM scratch\nSHELL ["sh"]\nCMD a',
  },
  MaintainerDeprecated: {
    bad: 'FROM scratch\nMAINTAINER me',
    says: '2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label',
    good: 'FROM scratch\nLABEL maintainer=me',
  },
  UndefinedArgInFrom: {
    bad: 'ARG VARIANT\nFROM a${VARIENT}',
    says: "2 UndefinedArgInFrom: FROM argument 'VARIENT' is not declared (did you mean VARIANT?)",
    good: 'ARG VARIANT\nFROM a${VARIANT}',
  },
  WorkdirRelativePath: {
    bad: 'FROM scratch\nWORKDIR a\nWORKDIR b',
    says: '2 WorkdirRelativePath: Relative workdir "a" can have unexpected results if the base image changes',
    good: 'FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b',
  },
  UndefinedVar: {
    bad: 'FROM scratch\nENV ABC=1\nCOPY $ABD /',
    says: "3 UndefinedVar: Usage of undefined variable '$ABD' (did you mean $ABC?)",
    good: 'FROM scratch\nARG ABC\nCOPY $ABC /',
  },
  MultipleInstructionsDisallowed: {
    bad: 'FROM scratch\nCMD ["a"]\nCMD ["b"]',
    says: '2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
    good: 'FROM scratch\nCMD ["a"]\nENTRYPOINT ["b"]\nHEALTHCHECK CMD ["c"]',
  },
  LegacyKeyValueFormat: {
    bad: 'FROM scratch\nenv a b\nrun x',
    says: '2 LegacyKeyValueFormat: "env key=value" should be used instead of legacy "env key value" format',
    good: 'FROM scratch\nENV a=b',
  },
  InvalidBaseImagePlatform: {
    bad: 'FROM a',
    says: '1 InvalidBaseImagePlatform: Base image a was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
    good: 'FROM --platform=${TARGETOS}/arm64 a',
    options: { baseImage: () => ({ platform: { os: 'linux', architecture: 'arm64' } }) },
  },
  RedundantTargetPlatform: {
    bad: 'FROM --platform=$TARGETPLATFORM a',
    says: '1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    good: 'FROM --platform=$BUILDPLATFORM a',
  },
  SecretsUsedInArgOrEnv: {
    bad: 'FROM scratch\nARG MY_TOKEN',
    says: '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "MY_TOKEN")',
    good: 'FROM scratch\nARG TOKENS PUBLIC_KEY KEY_FILE TOKEN_VERSION',
  },
  InvalidDefaultArgInFrom: {
    bad: 'ARG TAG\nFROM busybox:$TAG',
    says: '2 InvalidDefaultArgInFrom: Default value for ARG busybox:$TAG results in empty or invalid base image name',
    good: 'ARG TAG=1\nFROM busybox:$TAG',
  },
  FromPlatformFlagConstDisallowed: {
    bad: 'FROM --platform=linux/arm64 a',
    says: '1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64"',
    good: 'FROM --platform=linux/arm64 a AS build_arm64',
  },
  CopyIgnoredFile: {
    bad: 'FROM scratch\nADD ./dir/secret.txt /',
    says: '2 CopyIgnoredFile: Attempting to Add file "dir/secret.txt" that is excluded by .dockerignore',
    good: 'FROM scratch AS a\nCOPY . /\nFROM a\nCOPY --from=a /dir/secret.txt dir/secret.txt /x/',
    options: { ignore: createIgnore(['dir/secret.txt', '.*']) },
  },
  InvalidDefinitionDescription: {
    bad: '# a fine comment\nARG A\nFROM scratch',
    says: '2 InvalidDefinitionDescription: Comment for ARG should follow the format: `# A <description>`',
    good: '# fine\n\nARG A\n# A is it\nARG A B\nFROM scratch',
    options: { check: 'experimental=InvalidDefinitionDescription' },
  },
  ExposeProtoCasing: {
    bad: 'FROM scratch\nEXPOSE 80/TCP',
    says: "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    good: 'FROM scratch\nEXPOSE 80/tcp',
  },
  ExposeInvalidFormat: {
    bad: 'FROM scratch\nEXPOSE [::1]:80:80',
    says: "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:80:80'",
    good: 'FROM scratch\nEXPOSE 80',
  },
}

tests('lint', (test) => {
  for (const [rule, { bad, says, good, options }] of Object.entries(rules)) {
    test(`lint() warns by ${rule}, and only then`, () => {
      const found = check(bad, options).filter((line) => line.includes(` ${rule}: `))
      assert.equal(found, [says])
      if (rule === 'CopyIgnoredFile') {
        assert.not(
          check('FROM scratch AS a\nCOPY . /\nCOPY --from=0 dir/secret.txt /', options).some((line) =>
            line.includes(rule),
          ),
        )
      } else assert.not(check(good, options).some((line) => line.includes(` ${rule}: `)))
    })
  }
  test('lint() keeps quiet about rules that the file, a comment or an option skips', () => {
    const bad = 'FROM scratch\nMAINTAINER me\nENV a b'
    assert.is(check(bad).length, 2)
    assert.is(check(`# check=skip=all\n${bad}`).length, 0)
    assert.is(check(`# check=skip=MaintainerDeprecated,Other;error=true\n${bad}`).length, 1)
    assert.is(check('FROM scratch\n# check=skip=MaintainerDeprecated\nMAINTAINER me\nENV a b').length, 1)
    assert.is(check(bad, { check: 'skip=all' }).length, 0)
    assert.is(check(`# check=skip=all\n${bad}`, { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: '' } }).length, 2)
  })
  test('lint() looks at reachable stages, or at all', () => {
    const text =
      'FROM scratch AS a\nENV x y\nFROM scratch AS b\nLABEL x y\nFROM b AS c\nFROM scratch\nCOPY --from=c / /\n'
    const lines = (options: LintOptions): string[] => check(text, options).map((line) => line.split(' ')[0] ?? '')
    assert.equal(lines({}), ['4'])
    assert.equal(lines({ stages: 'all' }), ['2', '4'])
    assert.equal(lines({ target: 'a' }), ['2'])
  })
  test('lint() follows ONBUILD triggers, of a stage and of an image', () => {
    assert.equal(
      check('FROM scratch AS a\nONBUILD ENV x y\nFROM a\n').map((line) => line.split(':')[0]),
      ['3 LegacyKeyValueFormat'],
    )
    const image = check('FROM img\n', { baseImage: () => ({ onbuild: ['LABEL x y'] }) })
    assert.equal(
      image.map((line) => line.split(':')[0]),
      ['1 LegacyKeyValueFormat'],
    )
  })
  test('lint() says nothing of variables where the base image is not known', () => {
    assert.equal(check('FROM img\nCOPY $X /\n', { baseImage: () => undefined }), [])
    assert.is(check('FROM img\nCOPY $X /\n').length, 1)
    assert.equal(check('FROM img\nCOPY $X /\n', { baseImage: () => ({ env: ['X=1'] }) }), [])
  })
  test('lint() ends where the build does, at a FROM that comes to nothing', () => {
    const found = check('FROM scratch AS Aa\nCMD a\nFROM ${BAR}\nFROM ${FOO}\n')
    assert.equal(
      found.map((line) => line.split(':')[0]),
      ['1 StageNameCasing', '3 UndefinedArgInFrom', '3 InvalidDefaultArgInFrom', '4 InvalidDefaultArgInFrom'],
    )
  })
  test('lintError() makes an error of warnings where the file wants it', () => {
    const file = parseDockerfile('# check=error=true\nFROM scratch\nENV a b\n')
    assert.match(lintError(file, lint(file))?.message ?? '', 'lint violation found for rules: LegacyKeyValueFormat')
    const relaxed = parseDockerfile('FROM scratch\nENV a b\n')
    assert.is(lintError(relaxed, lint(relaxed)), undefined)
  })
  test('parseCheckOptions() refuses what it does not know', () => {
    for (const text of ['skip', 'foo=bar', 'error=perhaps'])
      assert.throws(() => parseCheckOptions(text), /failed to parse check option/)
  })
})
