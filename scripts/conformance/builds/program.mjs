import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../../packages/cli/bin/tsbuild.js', import.meta.url))

/** Runs the CLI with a root folder of its own; gives exit code and standard error. A program that hangs is ended. */
export function tsbuild(root, args, { timeoutMs = 120_000, cwd } = {}) {
  const { TSBUILD_ROOT: _, SOURCE_DATE_EPOCH: __, ...env } = process.env
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { ...env, TSBUILD_ROOT: root, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  })
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (out[name] += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...out, code, hung: signal !== null }))
  })
}
