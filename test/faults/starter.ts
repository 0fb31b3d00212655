import { type ChildProcess, spawn } from 'node:child_process'
import type { StartRequest, StartResult } from './programs.js'

// Starts programs for the harness, and kills them: a small process forks in a tenth of the time, and its timers are punctual.

const running = new Set<ChildProcess>()

process.on('message', ({ id, file, args, env, killAfterMs }: StartRequest) => {
  const began = performance.now()
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const end = (code: number | null, signal: NodeJS.Signals | null) => {
    clearTimeout(timer)
    if (!running.delete(child)) return
    const ms = performance.now() - began
    const answer = () => process.send?.({ id, code, signal, output, ms } satisfies StartResult)
    // A container's processes may hold the pipes for longer than it lives.
    setImmediate(() => setImmediate(answer))
  }
  child.once('error', (error) => {
    output += error.message
    end(127, null)
  })
  child.once('exit', end)
})

process.on('disconnect', () => {
  for (const child of running) child.kill('SIGKILL')
  process.exit()
})
