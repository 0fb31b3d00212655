// The project must work wherever it is cloned: no path, host or registry of one machine in a tracked file. One line for each offence.
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/repo.mjs'

const rules = [
  {
    what: 'a path of one machine',
    pattern: new RegExp(['', '(work|root|home/\\w+|Users/\\w+)/(main|shared|src|projects?|tsbuild)/'].join('/')),
  },
  { what: 'a folder beside the clone', pattern: /\.\.\/shared\b/, except: ['.ci/run', 'scripts/check-standalone.mjs'] },
  { what: 'the folder of this clone', pattern: new RegExp(root.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) },
]
const npmHosts = ['registry.npmjs.org']

/** Tracked files, and new ones that git does not ignore. */
function ownFiles() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 1 << 26,
  })
  return list
    .toString()
    .split('\0')
    .filter((file) => file !== '' && isFile(file))
}

function isFile(file) {
  return statSync(join(root, file), { throwIfNoEntry: false })?.isFile() ?? false
}

function offencesOf(file) {
  const text = readFileSync(join(root, file), 'latin1')
  if (text.includes('\0')) return []
  return text
    .split('\n')
    .flatMap((line, at) =>
      rules
        .filter(({ pattern, except }) => pattern.test(line) && !except?.includes(file))
        .map(({ what }) => `${file}:${at + 1}: ${what}: ${line.trim().slice(0, 120)}`),
    )
}

function lockfileOffences() {
  const text = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
  const hosts = new Set([...text.matchAll(/https?:\/\/([^/\s'"]+)/g)].map((match) => match[1] ?? ''))
  return [...hosts].filter((host) => !npmHosts.includes(host)).map((host) => `pnpm-lock.yaml: names the host ${host}`)
}

const offences = [...ownFiles().flatMap(offencesOf), ...lockfileOffences()]
for (const offence of offences) console.log(offence)
console.log(`standalone: ${offences.length === 0 ? 'nothing of one machine' : `${offences.length} offences`}`)
process.exitCode = offences.length === 0 ? 0 : 1
