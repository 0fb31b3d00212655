import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import type { CopyRequest } from '../dist/files/index.js'
import { look, needsRoot, openBench, type Tree } from './files-support.js'
import { passwd, passwdLook } from './passwd-files.js'

interface CopyCase {
  readonly context?: Tree
  readonly image?: Tree
  readonly run: Partial<CopyRequest>
  readonly expect?: Readonly<Record<string, string>>
  readonly error?: readonly [code: string, message: RegExp]
}

const cases: Readonly<Record<string, CopyCase>> = {
  'a file into a new directory': {
    context: { a: 'A' },
    run: { sources: ['a'], destination: '/x/y/' },
    expect: { x: 'd 755', 'x/y': 'd 755', 'x/y/a': 'f 644 A' },
  },
  'a file under a new name': {
    context: { a: { text: 'A', mode: 0o640, owner: '7:8' } },
    run: { sources: ['a'], destination: '/x/b' },
    expect: { x: 'd 755', 'x/b': 'f 640 A' },
  },
  'a file into an existing directory without a slash': {
    context: { a: 'A' },
    image: { 'd/': { mode: 0o700, owner: '5:6' } },
    run: { sources: ['a'], destination: '/d' },
    expect: { d: 'd 700 5:6', 'd/a': 'f 644 A' },
  },
  'the contents of a directory': {
    context: { 'src/': { mode: 0o700 }, 'src/a': 'A', 'src/in/': { mode: 0o750 }, 'src/in/b': 'B', 'src/l': '-> in/b' },
    run: { sources: ['src'], destination: '/app' },
    expect: { app: 'd 755', 'app/a': 'f 644 A', 'app/in': 'd 750', 'app/in/b': 'f 644 B', 'app/l': 'l in/b' },
  },
  'a context into the root': {
    context: { a: 'A' },
    run: { sources: ['.'], destination: '/' },
    expect: { a: 'f 644 A' },
  },
  'a directory over an existing one': {
    context: { 'src/in/': { mode: 0o750 }, 'src/in/b': 'B' },
    image: { 'app/': { mode: 0o711 }, 'app/in/': { mode: 0o777, owner: '3:4' }, 'app/in/old': 'old' },
    run: { sources: ['src'], destination: '/app' },
    expect: { app: 'd 711', 'app/in': 'd 750', 'app/in/b': 'f 644 B', 'app/in/old': 'f 644 old' },
  },
  'a file over a file, a link and a read-only file': {
    context: { 'src/a': 'new', 'src/b': 'new', 'src/c': 'new' },
    image: { a: { text: 'old', mode: 0o400, owner: '1:1' }, b: '-> /other', other: 'keep', c: 'old' },
    run: { sources: ['src'], destination: '/' },
    expect: { a: 'f 644 new', b: 'f 644 new', c: 'f 644 new', other: 'f 644 keep' },
  },
  'a file over a directory': {
    context: { 'src/a': 'A' },
    image: { 'app/a/': '' },
    run: { sources: ['src'], destination: '/app' },
    error: ['COPY_INVALID', /cannot replace to directory \/app\/a with file/],
  },
  'a directory over a file': {
    context: { 'src/a/b': 'B' },
    image: { 'app/a': 'file' },
    run: { sources: ['src'], destination: '/app' },
    error: ['COPY_INVALID', /cannot copy to non-directory: \/app\/a/],
  },
  'a directory over a link': {
    context: { 'src/a/b': 'B' },
    image: { 'app/a': '-> /elsewhere', 'elsewhere/': '' },
    run: { sources: ['src'], destination: '/app' },
    error: ['COPY_INVALID', /cannot copy to non-directory: \/app\/a/],
  },
  'through a file': {
    context: { a: 'A' },
    image: { f: 'file' },
    run: { sources: ['a'], destination: '/f/a' },
    error: ['COPY_INVALID', /not a directory/],
  },
  'several sources': {
    context: { a: 'A', b: 'B' },
    run: { sources: ['a', 'b'], destination: '/d/' },
    expect: { d: 'd 755', 'd/a': 'f 644 A', 'd/b': 'f 644 B' },
  },
  'several sources to a file': {
    context: { a: 'A', b: 'B' },
    run: { sources: ['a', 'b'], destination: '/d' },
    expect: { d: 'f 644 B' },
  },
  'a missing source': {
    context: { 'src/main.ts': '' },
    run: { sources: ['src/mian.ts'], destination: '/' },
    error: ['COPY_SOURCE_NOT_FOUND', /"\/src\/mian\.ts": not found/],
  },
  'a source above the context': {
    context: { a: 'A' },
    run: { sources: ['../../../a'], destination: '/b' },
    expect: { b: 'f 644 A' },
  },
  'wildcards, in order of their names': {
    context: { 'a1.txt': '1', 'a2.txt': '2', 'b1.txt': '3', 'sub/a3.txt': '4', 'sub/x/a4.txt': '5' },
    run: { sources: ['a?.txt', '*/a[0-9].txt'], destination: '/d/' },
    expect: { d: 'd 755', 'd/a1.txt': 'f 644 1', 'd/a2.txt': 'f 644 2', 'd/a3.txt': 'f 644 4' },
  },
  'wildcard that matches directories': {
    context: { 'd1/a': 'A', 'd2/b': 'B', f: 'F' },
    run: { sources: ['d*'], destination: '/x/' },
    expect: { x: 'd 755', 'x/a': 'f 644 A', 'x/b': 'f 644 B' },
  },
  'wildcard without a match beside a source': {
    context: { a: 'A' },
    run: { sources: ['no*', 'a'], destination: '/x/' },
    expect: { x: 'd 755', 'x/a': 'f 644 A' },
  },
  'links that are named or matched': {
    context: { file: 'F', 'sub/l1': '-> ../file', 'sub/l2': '-> /file', 'sub/dir': '-> /real', 'real/x': 'X' },
    run: { sources: ['sub/l*', 'sub/dir'], destination: '/x/' },
    expect: { x: 'd 755', 'x/l1': 'f 644 F', 'x/l2': 'f 644 F', 'x/x': 'f 644 X' },
  },
  'links that lead out of the context': {
    context: {
      passwd: 'of the context',
      'etc/passwd': 'inside',
      up: '-> ../../../../etc/passwd',
      abs: '-> /etc/passwd',
    },
    run: { sources: ['up', 'abs'], destination: '/x/' },
    expect: { x: 'd 755', 'x/abs': 'f 644 inside', 'x/up': 'f 644 inside' },
  },
  'a destination through links of the image': {
    context: { a: 'A' },
    image: { abs: '-> /real', 'real/': '', up: '-> ../../../real', deep: '-> /not/yet' },
    run: { sources: ['a'], destination: '/abs/in/' },
    expect: {
      abs: 'l /real',
      deep: 'l /not/yet',
      real: 'd 755',
      'real/in': 'd 755',
      'real/in/a': 'f 644 A',
      up: 'l ../../../real',
    },
  },
  'a destination through a dangling link': {
    context: { a: 'A' },
    image: { deep: '-> /not/yet' },
    run: { sources: ['a'], destination: '/deep/' },
    expect: { deep: 'l /not/yet', not: 'd 755', 'not/yet': 'd 755', 'not/yet/a': 'f 644 A' },
  },
  'hard links within a copy': {
    context: {
      'src/a': 'A',
      'src/b': { hardLink: 'src/a' },
      'src/in/c': { hardLink: 'src/a' },
      outside: { hardLink: 'src/a' },
    },
    run: { sources: ['src'], destination: '/d/' },
    expect: { d: 'd 755', 'd/a': 'f 644 x3 A', 'd/b': 'f 644 x3 A', 'd/in': 'd 755', 'd/in/c': 'f 644 x3 A' },
  },
  'setuid, setgid and sticky bits': {
    context: { 'src/u': { text: 'U', mode: 0o4755 }, 'src/g': { text: 'G', mode: 0o2755 }, 'src/t/': { mode: 0o1777 } },
    run: { sources: ['src'], destination: '/d/', chown: '1:2' },
    expect: { d: 'd 755 1:2', 'd/g': 'f 2755 1:2 G', 'd/t': 'd 1777 1:2', 'd/u': 'f 4755 1:2 U' },
  },
  'into a setgid directory': {
    context: { 'src/a': 'A', 'src/n/b': 'B' },
    image: { 'd/': { mode: 0o2775, owner: '0:9' } },
    run: { sources: ['src'], destination: '/d' },
    expect: { d: 'd 2775 0:9', 'd/a': 'f 644 A', 'd/n': 'd 755', 'd/n/b': 'f 644 B' },
  },
  '--chown with names': {
    context: { a: 'A' },
    image: passwd,
    run: { sources: ['a'], destination: '/n/a', chown: 'app:staff' },
    expect: { ...passwdLook, n: 'd 755 10:50', 'n/a': 'f 644 10:50 A' },
  },
  '--chown with a user only': {
    context: { a: 'A' },
    image: passwd,
    run: { sources: ['a'], destination: '/a', chown: 'app' },
    expect: { ...passwdLook, a: 'f 644 10:20 A' },
  },
  '--chown with a number only': {
    context: { a: 'A' },
    run: { sources: ['a'], destination: '/a', chown: '7' },
    expect: { a: 'f 644 7:7 A' },
  },
  '--chown with an unknown name': {
    context: { a: 'A' },
    image: passwd,
    run: { sources: ['a'], destination: '/a', chown: 'nobody' },
    error: ['USER_NOT_FOUND', /user "nobody"/],
  },
  '--chmod in octal, directories on the way too': {
    context: { a: 'A', 'src/in/b': 'B', 'src/l': '-> in/b' },
    image: { 'old/': { mode: 0o711 } },
    run: { sources: ['src'], destination: '/old/new/', chmod: '770' },
    expect: {
      old: 'd 711',
      'old/new': 'd 770',
      'old/new/in': 'd 770',
      'old/new/in/b': 'f 770 B',
      'old/new/l': 'l in/b',
    },
  },
  '--chmod with symbols': {
    context: { 'src/a': { text: 'A', mode: 0o600 }, 'src/x': { text: 'X', mode: 0o700 }, 'src/in/': { mode: 0o700 } },
    run: { sources: ['src'], destination: '/d/', chmod: 'go=u,a+X,o-w' },
    expect: { d: 'd 755', 'd/a': 'f 664 A', 'd/in': 'd 775', 'd/x': 'f 775 X' },
  },
  '--chmod that is none': {
    context: { a: 'A' },
    run: { sources: ['a'], destination: '/a', chmod: '9z' },
    error: ['COPY_INVALID', /neither octal nor symbolic/],
  },
  '--exclude': {
    context: { 'src/a.md': '', 'src/keep.md': '', 'src/in/b.md': '', 'src/in/c.ts': '', 'src/tmp/x': '' },
    run: { sources: ['src'], destination: '/d/', exclude: ['**/*.md', '!keep.md', 'tmp'] },
    expect: { d: 'd 755', 'd/in': 'd 755', 'd/in/c.ts': 'f 644', 'd/keep.md': 'f 644' },
  },
  '--parents': {
    context: { 'x/a': '1', 'x/y/b.txt': '2', 'x/y/c.md': '3', 'z/d.txt': '4' },
    run: { sources: ['x/y/*.txt', 'z'], destination: '/p/', parents: true },
    expect: {
      p: 'd 755',
      'p/x': 'd 755',
      'p/x/y': 'd 755',
      'p/x/y/b.txt': 'f 644 2',
      'p/z': 'd 755',
      'p/z/d.txt': 'f 644 4',
    },
  },
  '--parents with a pivot and **': {
    context: { 'x/y/z/b.txt': '2', 'x/y/c.md': '3', 'x/w/z/q/d.txt': '4' },
    run: { sources: ['./x/./**/z'], destination: '/p/', parents: true },
    expect: {
      p: 'd 755',
      'p/w': 'd 755',
      'p/w/z': 'd 755',
      'p/w/z/q': 'd 755',
      'p/w/z/q/d.txt': 'f 644 4',
      'p/y': 'd 755',
      'p/y/z': 'd 755',
      'p/y/z/b.txt': 'f 644 2',
    },
  },
  '--parents of what is not there': {
    context: { a: '' },
    run: { sources: ['x/'], destination: '/p/', parents: true },
    error: ['COPY_SOURCE_NOT_FOUND', /"\/x": not found/],
  },
  '--parents with nothing behind the pivot': {
    context: { 'x/a': '' },
    run: { sources: ['./x/./'], destination: '/p/', parents: true },
    error: ['COPY_SOURCE_NOT_FOUND', /"\/x": not found/],
  },
  heredocs: {
    run: {
      inlineFiles: [
        { name: 'a.txt', data: 'A\n' },
        { name: 'b.txt', data: 'B' },
      ],
      destination: '/d/',
      chown: '3:4',
    },
    expect: { d: 'd 755 3:4', 'd/a.txt': 'f 644 3:4 A', 'd/b.txt': 'f 644 3:4 B' },
  },
  'a fifo': {
    context: { 'src/p': { fifo: true, mode: 0o622 } },
    run: { sources: ['src'], destination: '/d/' },
    expect: { d: 'd 755', 'd/p': 'p 622' },
  },
  'an empty directory': {
    context: { 'src/': '' },
    run: { sources: ['src/'], destination: '/d/' },
    expect: { d: 'd 755' },
  },
}

tests('files: where copy() puts what', (test) => {
  for (const [name, { context, image, run, expect, error }] of Object.entries(cases)) {
    test(
      `copy() handles ${name}`,
      async () => {
        await using bench = await openBench({ ...(context && { context }), ...(image && { image }) })
        if (error === undefined) {
          await bench.run(run)
          assert.equal(look(bench.image), expect)
          return
        }
        const [code, message] = error
        const failure = await bench.run(run).then(
          () => undefined,
          (reason: Error & { code: string }) => reason,
        )
        assert.is(failure?.code, code)
        assert.match(failure?.message ?? '', message)
        assert.is(failure?.constructor.name, 'CoreError')
      },
      { skip: needsRoot },
    )
  }
})
