import { execFileSync } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { commands } from '../dist/commands/index.js'
import { complete } from '../dist/completion/complete.js'
import { completionScripts } from '../dist/completion/scripts.js'

const names = {
  images: ['app:1', 'app:2', 'localhost:5000/team/app:latest'],
  containers: ['calm_fox'],
}
const asked: (string | undefined)[] = []
const answer = async (...words: string[]) => {
  const { paths, candidates } = await complete(commands, words, async (root) => {
    asked.push(root)
    return names
  })
  return { paths, values: candidates.map(({ value }) => value) }
}
const values = async (...words: string[]) => (await answer(...words)).values

tests('complete()', (test) => {
  const table: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
    [['pul'], ['pull']],
    [['logi'], ['login']],
    [['nothing'], []],
    [['nothing', ''], []],
    [['__'], []],
    [['--h'], ['--help']],
    [['help', 'pus'], ['push']],
    [['registry', 'se'], ['serve']],
    [['pull', '--all'], ['--all-tags']],
    [['pull', '-q', '--plat'], ['--platform']],
    [
      ['pull', '--platform', 'linux/arm'],
      ['linux/arm64', 'linux/arm/v7'],
    ],
    [['pull', '--platform=linux/s'], ['--platform=linux/s390x']],
    [
      ['build', '--progress', ''],
      ['auto', 'tty', 'plain', 'quiet', 'rawjson'],
    ],
    [['build', '--progress', 'pl'], ['plain']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['push', 'app'],
      ['app:1', 'app:2'],
    ],
    [['push', 'localhost:5000/'], ['localhost:5000/team/app:latest']],
    [['push', 'app:1', ''], []],
    [['tag', 'app:1', 'app'], ['app:2']],
    [['inspect', 'app:1', 'app'], ['app:2']],
    [
      ['inspect', '-f', 'app:1', 'app'],
      ['app:1', 'app:2'],
    ],
    [['inspect', 'calm'], ['calm_fox']],
    [['run', 'app:1', 'app'], []],
    [
      ['run', '-d', '--name', 'x', 'app'],
      ['app:1', 'app:2'],
    ],
    [['image', 'rm', 'app:2', 'app'], ['app:1']],
    [['stop', ''], ['calm_fox']],
    [['push', '--', '-'], []],
    [['logout', ''], []],
  ]
  for (const [words, expected] of table) {
    test(`complete() of "${words.join(' ')}" is ${expected.join(', ') || 'nothing'}`, async () => {
      assert.equal(await values(...words), expected)
    })
  }

  test('complete() leaves paths to the shell', async () => {
    assert.is((await answer('build', '-f', 'Do')).paths, 'files')
    assert.is((await answer('build', '--iidfile=x')).paths, 'files')
    assert.is((await answer('build', '--root', '')).paths, 'directories')
    assert.is((await answer('build', '')).paths, 'directories')
    assert.is((await answer('parse', 'x')).paths, 'files')
    assert.is((await answer('pull', '')).paths, 'none')
  })

  test('complete() looks for names in the folder that --root says, and only where names can stand', async () => {
    asked.length = 0
    await values('push', '--root', '/r1', 'a')
    await values('push', '--root=/r2', 'a')
    await values('push', '--ro')
    await values('pu')
    assert.equal(asked, ['/r1', '/r2'])
  })

  test('complete() shows every flag of every command with what it does', async () => {
    for (const name of Object.keys(commands)) {
      const { candidates } = await complete(commands, [name, '-'], async () => names)
      for (const { value, description } of candidates)
        assert.ok(value.startsWith('-') && description !== undefined && description !== '', `${name} ${value}`)
    }
  })
})

tests('completion scripts', (test) => {
  test('the bash script puts together what bash splits, and takes it off the answers', async () => {
    await using dir = await tempDir()
    const program = join(dir.path, 'tsbuild')
    await writeFile(
      program,
      `#!/bin/sh
shift 2; for last; do :; done; echo "$#:$last" >> "${dir.path}/asked"
case "$last" in
  ./*) echo files ;;
  *=*) printf 'none\\n--platform=linux/amd64\\n' ;;
  *) printf 'none\\nlocalhost:5000/app:1\\tdescribed here\\nlocalhost:5000/app:2\\n' ;;
esac
`,
    )
    await chmod(program, 0o755)
    await mkdir(join(dir.path, 'some dir'))
    await writeFile(join(dir.path, 'script'), completionScripts.bash)
    const ask = (line: string, words: readonly string[]) =>
      execFileSync(
        'bash',
        [
          '--norc',
          '-c',
          `source ./script; COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
           COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
           _tsbuild; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          line,
          ...words,
        ],
        { cwd: dir.path, env: { PATH: `${dir.path}:${process.env.PATH}` }, encoding: 'utf8' },
      )
        .trim()
        .split('\n')
    assert.equal(ask('tsbuild push local', ['tsbuild', 'push', 'local']), [
      'localhost:5000/app:1',
      'localhost:5000/app:2',
    ])
    const split = ['tsbuild', 'push', 'localhost', ':', '5000/ap']
    assert.equal(ask('tsbuild push localhost:5000/ap', split), ['5000/app:1', '5000/app:2'])
    assert.equal(ask('tsbuild push localhost:', ['tsbuild', 'push', 'localhost', ':']), ['5000/app:1', '5000/app:2'])
    assert.equal(ask('tsbuild push ', ['tsbuild', 'push', '']), ['localhost:5000/app:1', 'localhost:5000/app:2'])
    const flag = ['tsbuild', 'pull', '--platform', '=', 'li']
    assert.equal(ask('tsbuild pull --platform=li', flag), ['linux/amd64'])
    assert.equal(ask('tsbuild build ./so', ['tsbuild', 'build', './so']), ['./some dir'])
    const { readFileSync } = await import('node:fs')
    assert.equal(readFileSync(join(dir.path, 'asked'), 'utf8').trim().split('\n'), [
      '2:local',
      '2:localhost:5000/ap',
      '2:localhost:',
      '2:',
      '2:--platform=li',
      '2:./so',
    ])
  })
})
