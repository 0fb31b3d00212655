import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { command } from '@tsbuild/testkit'

export interface InProcess {
  readonly coldMs: number
  /** Median of eleven. */
  readonly cachedMs: number
  /** Delay of the caller's event loop while builds ran, cold and cached. */
  readonly p99Ms: number
  readonly maxMs: number
  readonly peakBytes: number
}

/** Measures the library in a process of its own, on a fresh root folder. */
export async function measureInProcess(root: string, base: string, context: string): Promise<InProcess> {
  const program = fileURLToPath(new URL('./in-process-program.js', import.meta.url))
  try {
    const output = await command(process.execPath, [program, root, base, context])
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as InProcess
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  }
}
