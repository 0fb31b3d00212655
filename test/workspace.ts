import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type TempDir, tempDir } from '@tsbuild/testkit'

/** How a run of the command line ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** Told the process, to signal it. */
  readonly onStart?: (child: ChildProcess) => void
  /** Told each piece of stderr. */
  readonly onStderr?: (text: string, child: ChildProcess) => void
}

export const program = fileURLToPath(new URL('../../packages/cli/bin/tsbuild.js', import.meta.url))

/** A root folder and a context in a temp folder, and the command line that works on them. */
export interface Workspace extends AsyncDisposable {
  readonly path: string
  readonly root: string
  readonly context: string
  /** Writes files of the context: path → content. */
  write(files: Readonly<Record<string, string>>): Promise<void>
  /** Runs `tsbuild ARGS` with this root folder and waits for its end. */
  tsbuild(args: readonly string[], options?: RunOptions): Promise<Ended>
  /** Like `tsbuild`, but throws unless it exits with 0; resolves with stdout, trimmed. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>
}

export async function workspace(): Promise<Workspace> {
  const dir: TempDir = await tempDir('tsbuild-e2e-')
  const root = join(dir.path, 'root')
  const context = join(dir.path, 'context')
  await mkdir(context)
  const tsbuild = (args: readonly string[], options: RunOptions = {}) => run(args, root, options)
  return {
    path: dir.path,
    root,
    context,
    tsbuild,
    async write(files) {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(context, path)), { recursive: true })
        await writeFile(join(context, path), content)
      }
    },
    async ok(args, options) {
      const { code, stdout, stderr } = await tsbuild(args, options)
      if (code !== 0) throw new Error(`tsbuild ${args.join(' ')} exited with ${code}\n${stderr}`)
      return stdout.trim()
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  }
}

function run(args: readonly string[], root: string, { env, input, onStart, onStderr }: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, TSBUILD_ROOT: root, NO_COLOR: '1', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      onStderr?.(text, child)
    })
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
    onStart?.(child)
  })
}
