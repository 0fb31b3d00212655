import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { tempDir } from './temp-dir.js'

/** A real S3 server (s3rver, which checks signatures) on a free loopback port; disposing it ends the process and removes its files.
 * It keeps no program running, and ends, its files removed, with the program that started it: tests may share one. */
export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; buckets are in the path. */
  readonly url: string
  readonly port: number
  /** There from the start, and empty. */
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** The file that holds an object's bytes. */
  objectPath(key: string): string
  /** Every request that is known of so far: `HEAD /bucket/key`. */
  requests(): readonly string[]
  /** Waits for a request like this. */
  saw(request: RegExp): Promise<void>
  /** Ends the process at once. */
  kill(): Promise<void>
}

/** Starts an S3 server in a process of its own. */
export async function startS3Server(): Promise<S3Server> {
  const folder = await tempDir('tsbuild-s3-')
  const bucket = 'cache-bucket'
  const program = fileURLToPath(new URL('./s3-server-process.js', import.meta.url))
  const child = spawn(process.execPath, [program, folder.path, bucket], { stdio: ['pipe', 'pipe', 'inherit'] })
  const requests = new Requests()
  const kill = () => end(child)
  try {
    const port = await portOf(child, requests)
    child.unref()
    for (const stream of [child.stdin, child.stdout]) (stream as Socket).unref()
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      bucket,
      region: 'us-east-1',
      accessKeyId: 'S3RVER',
      secretAccessKey: 'S3RVER',
      objectPath: (key) => `${folder.path}/${bucket}/${key}._S3rver_object`,
      requests: () => requests.lines,
      saw: (request) => requests.saw(request),
      kill,
      [Symbol.asyncDispose]: async () => {
        await kill()
        await folder[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await kill()
    await folder[Symbol.asyncDispose]()
    throw error
  }
}

class Requests {
  readonly lines: string[] = []
  readonly #looks = new Set<() => void>()

  add(line: string): void {
    this.lines.push(line)
    for (const look of this.#looks) look()
  }

  async saw(request: RegExp): Promise<void> {
    // Nothing else may keep the program running.
    const alive = setInterval(() => {}, 1_000)
    try {
      await new Promise<void>((resolve) => {
        const look = () => {
          if (this.lines.some((line) => request.test(line))) resolve()
        }
        this.#looks.add(look)
        look()
      })
    } finally {
      clearInterval(alive)
    }
  }
}

type ServerProcess = ChildProcessByStdio<Writable, Readable, null>

function portOf(child: ServerProcess, requests: Requests): Promise<number> {
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const port = /^port (\d+)$/.exec(line)?.[1]
      if (port === undefined) requests.add(line)
      else resolve(Number(port))
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the S3 server ended with ${code}`)))
  })
}

async function end(child: ServerProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const closed = once(child, 'exit')
  child.kill('SIGKILL')
  await closed
}
