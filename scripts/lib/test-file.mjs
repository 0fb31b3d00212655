import { spawn } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leftovers, marker } from './leftovers.mjs'
import { root } from './repo.mjs'

/** What became of one test file.
 * @typedef {{ file: string, passed: number, failed: number, skipped: string[], output: string, problems: string[], ms: number }} FileResult */

const keptBytes = 4 * 1024 * 1024
/** Process groups under way: a test run that is interrupted takes its tests with it. */
const groups = new Set()
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => {
    for (const pid of groups) killGroup(pid)
    process.exit(code)
  })
}

/** Runs one compiled test file as a process of its own, with a temp folder of its own, and holds it to a time limit.
 * Whatever it leaves behind (processes, mounts, files in its temp folder) is a failure, and is taken away.
 * @param {string} file relative to the root
 * @param {{ timeoutMs: number, env?: Record<string, string> }} options
 * @returns {Promise<FileResult>} */
export async function runTestFile(file, { timeoutMs, env = {} }) {
  const temp = realpathSync(mkdtempSync(join(tmpdir(), 'tsb-')))
  const mark = marker()
  const started = performance.now()
  try {
    const end = await execute(file, timeoutMs, { ...env, ...mark.env, TMPDIR: temp })
    const problems = [...end.problems, ...(await leftovers(mark, temp))]
    return { file, ...count(end.output, end.code, problems), output: end.output, ms: performance.now() - started }
  } finally {
    rmSync(temp, { recursive: true, force: true, maxRetries: 3 })
  }
}

function execute(file, timeoutMs, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    groups.add(child.pid)
    const problems = []
    let output = ''
    const take = (text) => {
      output = (output + text).slice(-keptBytes)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    const timer = setTimeout(() => {
      problems.push(`took longer than ${timeoutMs / 1000} s and was killed`)
      killGroup(child.pid)
    }, timeoutMs)
    child.once('error', (error) => problems.push(error.message))
    // A process that the test left behind may hold the pipes open, so the end of the file is `exit`, and not `close`.
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      groups.delete(child.pid)
      if (signal !== null && problems.length === 0) problems.push(`ended by ${signal}`)
      setTimeout(() => resolve({ code: code ?? 1, output, problems }), 50)
    })
  })
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** Reads uvu's closing lines. A file that prints none, or says so by its exit code, has failed whatever it printed. */
function count(output, code, problems) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
  const text = output.replace(/\x1b\[[0-9;]*m/g, '')
  const number = (label) => {
    const match = [...text.matchAll(new RegExp(`^  ${label}: +(\\d+)$`, 'gm'))].at(-1)
    return match === undefined ? undefined : Number(match[1])
  }
  const total = number('Total')
  const passed = number('Passed') ?? 0
  const found = [...problems]
  if (total === undefined) found.push('printed no totals')
  else if (code !== 0 && passed === total && problems.length === 0) found.push(`exit code ${code}`)
  const skipped = [...text.matchAll(/^SKIP (.+)$/gm)].map((match) => match[1] ?? '')
  if (total !== undefined && (number('Skipped') ?? 0) !== skipped.length) found.push('skipped tests without a reason')
  return { passed, failed: (total ?? passed) - passed + found.length, skipped, problems: found }
}
